import KnowledgeSource
import Numerics
import TestSupport
import Testing

/// A session's states equal the whole document's to the last bit, whatever the pieces.
@Suite struct SourceSessionTests {
  @Test(arguments: RandomSource.allCases, [1, 2, 3, 7, 16, 17, 40])
  func piecesEqualTheWhole(_ family: RandomSource, _ size: Int) throws {
    let source = try family.source()
    let ids = randomDocument(61, seed: 3)
    for layer in 0...source.layerCount {
      let session = try source.makeSession(capacity: 61, layer: layer)
      var states: [UInt32] = []
      for first in stride(from: 0, to: ids.count, by: size) {
        states += try session.bits(appending: Array(ids[first..<min(first + size, ids.count)]))
      }
      #expect(session.ids == ids)
      #expect(try source.bits([ids], layer: layer) == [states])
    }
  }

  @Test(arguments: RandomSource.allCases)
  func aSharedPrefixIsRunOnce(_ family: RandomSource) throws {
    let source = try family.source()
    let prefix = randomDocument(21, seed: 4)
    let endings = (0..<3).map { randomDocument(6 + 5 * $0, seed: 10 + UInt64($0)) }
    let shared = try source.makeSession(capacity: 24)
    _ = try shared.bits(appending: prefix)
    let expected = try endings.map { ending in
      Array(try source.bits([prefix + ending], layer: 3)[0].suffix(ending.count * source.width))
    }

    for (ending, states) in zip(endings, expected) {
      #expect(try shared.fork(capacity: 40).bits(appending: ending) == states)
    }
    // In one session, forgetting each ending; what was there before must not show.
    let one = try shared.fork(capacity: 60)
    for (ending, states) in zip(endings, expected).reversed() {
      one.truncate(to: prefix.count)
      #expect(try one.bits(appending: ending) == states)
    }
    #expect(shared.ids == prefix)
  }

  /// Prefixes of prefixes, of lengths on and beside a panel's edge, that documents of one batch go
  /// on from.
  @Test(arguments: RandomSource.allCases, Precision.allCases)
  func documentsGoOnFromPrefixes(_ family: RandomSource, _ precision: Precision) throws {
    let source = try family.source(precision)
    let text = randomDocument(96, seed: 5)
    var prefixes: [SourceSession] = []
    for length in [1, 15, 16, 33, 50] {
      let session = try prefixes.last?.fork() ?? source.makeSession(capacity: 96)
      _ = try session.bits(appending: Array(text[session.count..<length]))
      prefixes.append(session)
    }
    let endings = [0, 1, 17, 40].map { randomDocument($0, seed: 20 + UInt64($0)) }
    for layer in 0...source.layerCount {
      let pieces =
        endings.map { SourceContinuation(prefix: nil, ids: $0) }
        + prefixes.flatMap { prefix in
          endings.map { SourceContinuation(prefix: prefix, ids: $0) }
        }
      let lengths = pieces.map(\.ids.count)
      let states = FloatBuffer(count: lengths.reduce(0, +) * source.width)
      try source.states(continuing: pieces, layer: layer, into: states.base)
      let whole = try source.bits(pieces.map { ($0.prefix?.ids ?? []) + $0.ids }, layer: layer)
      let expected = zip(whole, pieces).map { Array($0.suffix($1.ids.count * source.width)) }
      #expect(states.bits(ofDocuments: lengths, width: source.width) == expected)
    }
    // All layers of one pass are those of their own passes.
    let pieces = prefixes.map { SourceContinuation(prefix: $0, ids: endings[2]) }
    let layers = (0...source.layerCount).map {
      StateLayer($0, normalized: source.isNormalized($0))
    }
    let count = pieces.count * 17 * source.width
    let together = FloatBuffer(count: layers.count * count)
    try source.states(
      continuing: pieces, layers: layers.reversed(),
      into: layers.indices.reversed().map { together.base + $0 * count })
    for layer in layers {
      let alone = FloatBuffer(count: count)
      try source.states(continuing: pieces, layer: layer.index, into: alone.base)
      #expect(
        (0..<count).allSatisfy {
          alone.base[$0].bitPattern == together.base[layer.index * count + $0].bitPattern
        })
    }
    // What a session forgets and learns anew, those that came from it don't see.
    let last = try #require(prefixes.last)
    let before = try last.fork().bits(appending: endings[3])
    for session in prefixes.dropLast() {
      session.truncate(to: session.count / 2)
      _ = try session.bits(appending: endings[2])
    }
    #expect(try last.fork().bits(appending: endings[3]) == before)
    #expect(try prefixes[3].bits(appending: endings[1]).count == source.width)
  }

  /// Sessions that give every layer on the way, and the final norm beside the plain last layer.
  @Test(arguments: RandomSource.allCases)
  func sessionsGiveEveryLayer(_ family: RandomSource) throws {
    let source = try family.source()
    let document = randomDocument(30, seed: 3)
    let last = source.layerCount
    let layers =
      (0...last).map { StateLayer($0, normalized: false) }
      + (source.isNormalized(last) ? [StateLayer(last, normalized: true)] : [])
    let session = try source.makeSession(capacity: 30)
    let (width, pieces) = (source.width, [1, 12, 17])
    var states = layers.map { _ in [UInt32]() }
    var from = 0
    for count in pieces {
      let out = FloatBuffer(count: layers.count * count * width)
      try source.append(
        [(session, Array(document[from..<from + count]))], layers: layers,
        into: layers.indices.map { out.base + $0 * count * width })
      for place in layers.indices {
        states[place] += (0..<count * width).map {
          out.base[place * count * width + $0].bitPattern
        }
      }
      from += count
    }
    for (place, layer) in layers.enumerated() {
      let whole = FloatBuffer(count: document.count * width)
      try source.states(
        document, layer: layer.index, normalized: layer.normalized, into: whole.base)
      #expect(states[place] == (0..<whole.count).map { whole.base[$0].bitPattern }, "\(layer)")
    }
  }

  @Test(arguments: RandomSource.allCases)
  func sessionsStepTogether(_ family: RandomSource) throws {
    let source = try family.source()
    let documents = [3, 18, 33].map { randomDocument(40, seed: UInt64($0)) }
    let whole = try source.bits(documents, layer: 3)
    var pieces: [(session: SourceSession, ids: [Int32])] = []
    for (document, length) in zip(documents, [3, 18, 33]) {
      pieces.append((try source.makeSession(capacity: 40), Array(document[..<length])))
    }
    var states = documents.map { _ in [UInt32]() }
    while !pieces.allSatisfy({ $0.ids.isEmpty }) {
      let lengths = pieces.map(\.ids.count)
      let out = FloatBuffer(count: lengths.reduce(0, +) * source.width)
      try source.append(pieces, into: out.base)
      let rows = out.bits(ofDocuments: lengths, width: source.width)
      for index in pieces.indices {
        states[index] += rows[index]
        let count = pieces[index].session.count
        pieces[index].ids = Array(documents[index][count...].prefix(1))
      }
    }
    #expect(states == whole)
  }
}
