import KnowledgeSource
import Numerics
import TestSupport
import Testing

/// Which states are normed, what the logits are of, and what is not run at all.
@Suite struct NormAndLogitsTests {
  @Test(arguments: RandomSource.allCases)
  func theFinalNormIsAppliedWhereAsked(_ family: RandomSource) throws {
    let model = family.model()
    let source = try model.source()
    let ids = randomDocument(9, seed: 5)
    let norm = family == .gptNeo ? "transformer.ln_f" : "model.norm"
    let weight = try #require(model.tensors["\(norm).weight"]?.values.baseAddress)
    for layer in 0...source.layerCount {
      let plain = FloatBuffer(count: ids.count * source.width)
      try source.states(ids, layer: layer, normalized: false, into: plain.base)
      let raw = plain.bits
      let scale = Rows(reading: weight, count: 1, width: source.width)
      let rowNorm: RowNorm =
        if let bias = model.tensors["\(norm).bias"]?.values.baseAddress {
          .layer(
            weight: scale, bias: Rows(reading: bias, count: 1, width: source.width), epsilon: 1e-5)
        } else {
          .rootMeanSquare(weight: scale, epsilon: 1e-6)
        }
      rowNorm.normalize(Rows(plain, width: source.width))
      let normed = plain.bits
      #expect(try source.bits([ids], layer: layer, normalized: true) == [normed])
      #expect(
        try source.bits([ids], layer: layer) == [layer == source.layerCount ? normed : raw])
    }
  }

  @Test(arguments: RandomSource.allCases)
  func logitsAreTheStatesTimesTheHead(_ family: RandomSource) throws {
    let model = family.model()
    let source = try model.source()
    let name =
      switch family {
      case .odd: "lm_head.weight"
      case .gptNeo: "transformer.wte.weight"
      case .llama, .qwen2: "model.embed_tokens.weight"
      }
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
    let model = RandomSource.llama.model()
    model.set("model.layers.2.mlp.down_proj.weight", [40, 72]) { .nan }
    let source = try model.source()
    let states = FloatBuffer(count: 4 * source.width)
    try source.states([1, 2, 3, 4], layer: 2, into: states.base)
    #expect(!states.array().contains { !$0.isFinite })
    try source.states([1, 2, 3, 4], layer: 3, into: states.base)
    #expect(!states.array().contains { !$0.isNaN })
  }

  @Test func layersAreCountedFromEitherEnd() throws {
    let source = try RandomSource.llama.source()
    #expect(try [0, 3, -1, -4].map { try source.layer($0) } == [0, 3, 3, 0])
    for asked in [4, -5] {
      #expect(throws: KnowledgeSourceError.layerOutOfRange(layer: asked, layerCount: 3)) {
        try source.layer(asked)
      }
    }
  }
}
