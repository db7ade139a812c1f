import KnowledgeSource
import Numerics
import Testing

/// Which states are normed, what the logits are of, and what is not run at all.
@Suite struct NormAndLogitsTests {
  @Test(arguments: RandomModel.Family.allCases)
  func theFinalNormIsAppliedWhereAsked(_ family: RandomModel.Family) throws {
    let model = try RandomModel(family)
    let source = try model.source()
    let ids = randomDocument(9, seed: 5)
    let norm = try #require(model.tensors["model.norm.weight"]?.values.baseAddress)
    for layer in 0...source.layerCount {
      let plain = FloatBuffer(count: ids.count * source.width)
      try source.states(ids, layer: layer, normalized: false, into: plain.base)
      let raw = plain.array().map(\.bitPattern)
      let weight = Rows(reading: norm, count: 1, width: source.width)
      RowNorm.rootMeanSquare(weight: weight, epsilon: 1e-6)
        .normalize(Rows(plain, width: source.width))
      let normed = plain.array().map(\.bitPattern)
      #expect(try source.bits([ids], layer: layer, normalized: true) == [normed])
      #expect(
        try source.bits([ids], layer: layer) == [layer == source.layerCount ? normed : raw])
    }
  }

  @Test(arguments: RandomModel.Family.allCases)
  func logitsAreTheStatesTimesTheHead(_ family: RandomModel.Family) throws {
    let model = try RandomModel(family)
    let source = try model.source()
    let name = family == .odd ? "lm_head.weight" : "model.embed_tokens.weight"
    let weight = try #require(model.tensors[name]?.values.baseAddress)
    let ids = randomDocument(9, seed: 6)
    let states = FloatBuffer(count: ids.count * source.width)
    try source.states(ids, layer: source.layerCount, into: states.base)
    let logits = FloatBuffer(count: 9 * 53)
    let expected = FloatBuffer(count: 9 * 53)
    try source.logits(fromFinalStates: states.base, count: 9, into: logits.base)
    matmul(expected.base, states.base, weight, m: 9, k: source.width, n: 53, transposeB: true)
    #expect(logits.array() == expected.array())
  }

  @Test func layersAboveAreNotRun() throws {
    let model = try RandomModel(.llama)
    model.set("model.layers.2.mlp.down_proj.weight", [40, 72]) { .nan }
    let source = try model.source()
    let states = FloatBuffer(count: 4 * source.width)
    try source.states([1, 2, 3, 4], layer: 2, into: states.base)
    #expect(!states.array().contains { !$0.isFinite })
    try source.states([1, 2, 3, 4], layer: 3, into: states.base)
    #expect(!states.array().contains { !$0.isNaN })
  }

  @Test func layersAreCountedFromEitherEnd() throws {
    let source = try RandomModel(.llama).source()
    #expect(try [0, 3, -1, -4].map { try source.layer($0) } == [0, 3, 3, 0])
    for asked in [4, -5] {
      #expect(throws: KnowledgeSourceError.layerOutOfRange(layer: asked, layerCount: 3)) {
        try source.layer(asked)
      }
    }
  }
}
