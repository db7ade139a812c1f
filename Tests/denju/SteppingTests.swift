import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport
import Testing

/// The source stepped token by token gives what it gives in one piece, bit for bit.
@Suite struct SteppingTests {
  @Test(arguments: [1, 3, 7])
  func `states and logits of a stepped session are those of the whole text`(step: Int) throws {
    let workshop = try Workshop()
    let source = try DecoderSource(ModelFolder.open(workshop.source.path))
    let ids = (0..<29).map { Int32($0 * 131 % 401) }
    let whole = FloatBuffer(count: ids.count * source.width)
    try source.states(ids, layer: source.layerCount, into: whole.base)
    let stepped = FloatBuffer(count: ids.count * source.width)
    let session = try source.makeSession(capacity: ids.count)
    var place = 0
    while place < ids.count {
      let next = Array(ids[place..<min(place + step, ids.count)])
      try session.append(next, into: stepped.base + place * source.width)
      place += next.count
    }
    #expect(whole.bits == stepped.bits)

    let together = FloatBuffer(count: ids.count * source.vocabularySize)
    try source.logits(fromFinalStates: whole.base, count: ids.count, into: together.base)
    let alone = FloatBuffer(count: ids.count * source.vocabularySize)
    for row in ids.indices {
      try source.logits(
        fromFinalStates: stepped.base + row * source.width, count: 1,
        into: alone.base + row * source.vocabularySize)
    }
    #expect(together.bits == alone.bits)
  }
}
