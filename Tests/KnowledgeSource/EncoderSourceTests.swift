import Architectures
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport
import Testing

/// A source in which every token sees its whole document.
@Suite struct EncoderSourceTests {
  static func model() -> TinyModel { TinyModel(.bert, .plain) }

  private func open(
    _ model: TinyModel = model(), _ precision: Precision = .float32
  ) throws -> any Source {
    try TemporaryFolder.with { folder in
      try model.write(to: folder.path)
      return try Sources.open(ModelFolder.open(folder.path), precision: precision)
    }
  }

  @Test func opensAsWhatItIs() throws {
    let source = try open()
    #expect(source is EncoderSource)
    #expect(!(source is any SteppingSource))
    #expect(source.architecture.visibility == .document)
    #expect(source.architecture.outputHead == nil)
    #expect(try RandomSource.llama.source() as any Source is any SteppingSource)
  }

  @Test(arguments: Precision.allCases)
  func aDocumentDoesNotDependOnItsBatch(_ precision: Precision) throws {
    let source = try open(Self.model(), precision)
    let documents = BatchInvarianceTests.documents
    for layer in 0...source.layerCount {
      let alone = try documents.map { try source.bits([$0], layer: layer)[0] }
      #expect(try source.bits(documents, layer: layer) == alone)
      #expect(try source.bits(documents.reversed(), layer: layer) == alone.reversed())
      let oneThread = try ThreadTeam.shared.limited(to: 1) {
        try source.bits(documents, layer: layer)
      }
      #expect(oneThread == alone)
    }
  }

  /// A token more, or another one, changes every state of the document above the embedding.
  @Test func everyTokenDependsOnEveryOther() throws {
    let source = try open()
    let ids = randomDocument(24, seed: 7)
    let width = source.width
    for layer in 0...source.layerCount {
      let before = try source.bits([ids], layer: layer)[0]
      for changed in [0, 12, 23] {
        var other = ids
        other[changed] = (other[changed] + 1) % 53
        let after = try source.bits([other], layer: layer)[0]
        for token in ids.indices {
          let range = token * width..<(token + 1) * width
          let isSame = before[range] == after[range]
          #expect(isSame == (layer == 0 && token != changed), "layer \(layer), token \(token)")
        }
      }
      let longer = try source.bits([ids + [3]], layer: layer)[0]
      #expect((Array(longer.prefix(before.count)) == before) == (layer == 0))
    }
  }

  /// Rounding to 8 bits moves the states by some percent, as measured against the same weights in float32.
  @Test func int8sErrorIsMeasured() throws {
    let (exact, rounded) = (try open(), try open(Self.model(), .int8))
    let ids = randomDocument(40, seed: 8)
    for layer in 0...exact.layerCount {
      let a = FloatBuffer(count: 40 * exact.width)
      let b = FloatBuffer(count: 40 * exact.width)
      try exact.states(ids, layer: layer, into: a.base)
      try rounded.states(ids, layer: layer, into: b.base)
      var (difference, size) = (0.0, 0.0)
      for (x, y) in zip(a.array(), b.array()) {
        difference += (Double(x) - Double(y)) * (Double(x) - Double(y))
        size += Double(x) * Double(x)
      }
      let error = (difference / size).squareRoot()
      #expect(layer == 0 ? error == 0 : error > 0)
      #expect(error <= 0.06)
      #expect(abs(try rounded.errorAgainstFloat32(ids, layer: layer) - error) <= 1e-12)
      #expect(try exact.errorAgainstFloat32(ids, layer: layer) == 0)
    }
  }

  @Test func namesMayHaveAPrefix() throws {
    let (bare, prefixed) = (Self.model(), Self.model())
    for (name, tensor) in prefixed.tensors {
      var values = tensor.values.makeIterator()
      prefixed.set("bert.\(name)", tensor.shape) { values.next() ?? 0 }
      prefixed.remove(name)
    }
    // The heads of a model that was trained for something else are not read.
    prefixed.set("cls.predictions.bias", [53]) { .nan }
    let ids = randomDocument(24, seed: 7)
    let source = try open(prefixed)
    #expect(
      try source.bits([ids], layer: 3) == open(bare).bits([ids], layer: 3))
  }

  /// What the pooler does is no state; positions stored as a tensor say nothing.
  @Test func thePoolerIsNotComputedWith() throws {
    let model = Self.model()
    let ids = randomDocument(24, seed: 7)
    let before = try open(model).bits([ids], layer: 3)
    model.set("pooler.dense.weight", [40, 40]) { .nan }
    model.set("pooler.dense.bias", [3]) { .nan }
    model.set("embeddings.position_ids", [1, 96]) { 0 }
    #expect(try open(model).bits([ids], layer: 3) == before)
  }

  /// The first row of the token types' table is added to every token, the others to none.
  @Test func documentsAreOneSegment() throws {
    let ids = randomDocument(9, seed: 7)
    func states(firstRow: Float, secondRow: Float) throws -> [[UInt32]] {
      let model = Self.model()
      var place = 0
      model.set("embeddings.token_type_embeddings.weight", [2, 40]) {
        defer { place += 1 }
        return (place < 40 ? firstRow : secondRow) * Float(place % 7)
      }
      return try open(model).bits([ids], layer: 0)
    }
    #expect(try states(firstRow: 1, secondRow: 1) == states(firstRow: 1, secondRow: .nan))
    #expect(try states(firstRow: 1, secondRow: 1) != states(firstRow: 2, secondRow: 1))
  }

  @Test(arguments: [
    "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight", "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias", "encoder.layer.0.attention.self.query.weight",
    "encoder.layer.1.attention.self.key.bias", "encoder.layer.2.attention.output.dense.weight",
    "encoder.layer.1.attention.output.LayerNorm.bias", "encoder.layer.0.intermediate.dense.bias",
    "encoder.layer.2.output.dense.weight", "encoder.layer.2.output.LayerNorm.weight",
  ])
  func tensorsThatAreMissingOrOfAnotherShape(_ name: String) throws {
    let model = Self.model()
    let shape = try #require(model.tensors[name]?.shape)
    model.set(name, shape + [1]) { 0 }
    let wrong = #expect(throws: KnowledgeSourceError.self) { try open(model) }
    #expect("\(try #require(wrong))".contains("\(name): expected shape \(shape)"))
    model.remove(name)
    let missing = #expect(throws: KnowledgeSourceError.self) { try open(model) }
    #expect("\(try #require(missing))".contains("tensor \(name) is missing"))
  }

  @Test func moreTokensThanThereArePositions() throws {
    var shape = TinyShape.plain
    shape.positions = 512
    let source = try open(TinyModel(.bert, shape))
    let out = FloatBuffer(count: 513 * source.width)
    let ids = randomDocument(513, seed: 1)
    #expect(throws: KnowledgeSourceError.tooLong(count: 513, maximumPositions: 512)) {
      try source.states(ids, layer: 1, into: out.base)
    }
    try source.states(Array(ids.prefix(512)), layer: 1, into: out.base)
    #expect(out[511 * source.width] != 0)
    #expect(
      throws: KnowledgeSourceError.tokenOutOfRange(id: 53, position: 1, vocabularySize: 53)
    ) { try source.states([1, 53], layer: 1, into: out.base) }
    #expect(throws: KnowledgeSourceError.layerOutOfRange(layer: 4, layerCount: 3)) {
      try source.states([1], layer: 4, into: out.base)
    }
  }
}
