import Architectures
import Foundation
import Generators
import Identity
import Layers
import Numerics
import Testing

/// What a step hands out besides logits: the weights of the bridge's cross-attention.
@Suite struct StepOutputTests {
  private static let vocabulary = 31
  private static let width = 24
  private static let heads = 4
  private static let layers = 2

  private static func generator(
    _ name: String, mask: BridgeMask = .causal, streams: [StreamShape]
  ) throws -> Generator {
    let backbone = try GPTNeo(
      design: BackboneDesign(
        architecture: GPTNeo.family, layers: layers, width: width, heads: 3, positions: 20,
        window: 5, vocabulary: vocabulary))
    let design = ConditioningDesign(
      name: name, layers: layers, width: width, sourceWidth: streams[0].width, adapter: 10,
      bridgeHeads: heads, mask: mask, startToken: 1)
    let conditioning = try #require(ConditioningRegistry.builtIn[name]).init(design: design)
    let generator = try Generator(
      GeneratorConfiguration(backbone: backbone, conditioning: conditioning, streams: streams),
      seed: 1)
    var numbers = SeededGenerator(seed: 2)
    for tensor in generator.parameters.tensors {
      let base = generator.parameters.base(of: tensor)
      for index in 0..<tensor.range.count { base[index] += 0.3 * numbers.normal() }
    }
    return generator
  }

  private static func states(_ count: Int, _ streams: [StreamShape], seed: UInt64) -> [[Float]] {
    var numbers = SeededGenerator(seed: seed)
    return streams.map { stream in (0..<count * stream.width).map { _ in numbers.normal() } }
  }

  private static let two = [StreamShape(width: 20), StreamShape(width: 12)]

  private static func shape(_ part: AttentionWeights) -> [Int] {
    [part.tokens, part.heads, part.states]
  }

  /// Each head's weights over the states of all streams, for each token.
  private static func sums(_ streams: [AttentionWeights]) -> [Double] {
    (0..<streams[0].tokens * streams[0].heads).map { row in
      streams.reduce(0) { sum, part in
        sum + part.values[row * part.states..<(row + 1) * part.states].reduce(0) { $0 + Double($1) }
      }
    }
  }

  @Test func weightsOfPromptConditioningAddUpToOne() throws {
    let decoder = GeneratorDecoder(
      try Self.generator(PromptConditioning.name, streams: Self.two))
    let sessions = (0..<2).map { _ in decoder.makeSession() }
    let first = try decoder.step([
      StepPiece(
        sessions[0], tokens: [3, 4, 5], states: Self.states(7, Self.two, seed: 1), attention: true),
      StepPiece(sessions[1], tokens: [6], states: Self.states(2, Self.two, seed: 2)),
    ])
    #expect(first[0].attention.count == Self.layers)
    #expect(first[1].attention.isEmpty)
    // The next token reads the states that were stored at the first step; no other piece changes it.
    let second = try decoder.step([
      StepPiece(sessions[1], tokens: [8, 9], attention: true),
      StepPiece(sessions[0], tokens: [7], attention: true),
    ])
    for (result, tokens, states) in [
      (first[0], 3, 7), (second[0], 2, 2), (second[1], 1, 7),
    ] {
      for layer in result.attention {
        #expect(layer.count == 2)
        for part in layer {
          #expect(Self.shape(part) == [tokens, Self.heads, states] as [Int])
          #expect(part.values.count == tokens * Self.heads * states)
        }
        // A sum of 14 weights of float32.
        for sum in Self.sums(layer) { #expect(abs(sum - 1) < 1e-6) }
      }
    }
    let alone = decoder.makeSession()
    let again = try decoder.step([
      StepPiece(
        alone, tokens: [3, 4, 5], states: Self.states(7, Self.two, seed: 1), attention: true)
    ])
    #expect(again[0].attention == first[0].attention)
    #expect(again[0].logits == first[0].logits)
  }

  /// Which states there are is what the mask says: no later one, or all that there are.
  @Test(arguments: [BridgeMask.causal, .published])
  func weightsOfAlignedConditioningFollowTheMask(_ mask: BridgeMask) throws {
    let streams = [StreamShape(width: 20)]
    let decoder = GeneratorDecoder(
      try Self.generator(AlignedConditioning.name, mask: mask, streams: streams))
    let session = decoder.makeSession()
    var before = 0
    for tokens in [3, 1, 2] as [Int] {
      let result = try decoder.step([
        StepPiece(
          session, tokens: (0..<tokens).map { Int32($0) },
          states: Self.states(tokens, streams, seed: UInt64(before)), attention: true)
      ])[0]
      #expect(result.attention.count == 2)
      for layer in result.attention {
        let part = try #require(layer.first)
        #expect(layer.count == 1)
        #expect(Self.shape(part) == [tokens, Self.heads, before + tokens] as [Int])
        for sum in Self.sums(layer) { #expect(abs(sum - 1) < 1e-6) }
        for token in 0..<tokens {
          for head in 0..<Self.heads {
            let row = (token * Self.heads + head) * part.states
            for state in 0..<part.states {
              let isSeen = mask == .published || state <= before + token
              #expect((part.values[row + state] > 0) == isSeen)
            }
          }
        }
      }
      before += tokens
    }
  }

  /// The first layer's, from embeddings, states and tensors in float64.
  @Test func weightsEqualTheDefinition() throws {
    let generator = try Self.generator(PromptConditioning.name, streams: Self.two)
    let (tokens, count) = ([3, 30, 0] as [Int32], 5)
    let states = Self.states(count, Self.two, seed: 3)
    let decoder = GeneratorDecoder(generator)
    let result = try decoder.step([
      StepPiece(decoder.makeSession(), tokens: tokens, states: states, attention: true)
    ])[0]

    func tensor(_ name: String) throws -> [Double] {
      let tensor = generator.parameters.tensors.first { $0.name.hasSuffix(name) }
      return generator.parameters.values(of: try #require(tensor)).map(Double.init)
    }
    func normed(_ x: [Double], _ name: String) throws -> [Double] {
      let mean = x.reduce(0, +) / Double(x.count)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
      let (weight, bias) = (try tensor("\(name).weight"), try tensor("\(name).bias"))
      return x.indices.map {
        (x[$0] - mean) / (variance + 1e-5).squareRoot() * weight[$0] + bias[$0]
      }
    }
    func projected(_ x: [Double], _ name: String) throws -> [Double] {
      let (weight, bias) = (try tensor("\(name).weight"), try tensor("\(name).bias"))
      return bias.indices.map { o in
        x.indices.reduce(bias[o]) { $0 + weight[o * x.count + $1] * x[$1] }
      }
    }
    let bridge = "bridge.0.cross_attn."
    let (table, places) = (try tensor("wte.weight"), try tensor("wpe.weight"))
    let keys = try Self.two.indices.map { stream in
      let (width, suffix) = (Self.two[stream].width, stream == 0 ? "" : ".\(stream)")
      return try (0..<count).map { state in
        let values = states[stream][state * width..<(state + 1) * width].map(Double.init)
        return try projected(
          normed(values, "\(bridge)norm1\(suffix)"), "\(bridge)k_proj\(suffix)")
      }
    }
    let size = Self.width / Self.heads
    for (place, token) in tokens.enumerated() {
      let x = (0..<Self.width).map {
        table[Int(token) * Self.width + $0] + places[place * Self.width + $0]
      }
      let query = try projected(normed(x, "\(bridge)norm2"), "\(bridge)q_proj")
      for head in 0..<Self.heads {
        let scores = keys.map { stream in
          stream.map { key in
            Foundation.exp(
              (head * size..<(head + 1) * size).reduce(0) { $0 + query[$1] * key[$1] }
                / Double(size).squareRoot())
          }
        }
        let total = scores.joined().reduce(0, +)
        for (stream, part) in result.attention[0].enumerated() {
          for state in 0..<count {
            let ours = Double(part.values[(place * Self.heads + head) * count + state])
            // Scores of order ten, from sums in float32.
            #expect(abs(ours - scores[stream][state] / total) < 1e-5)
          }
        }
      }
    }
  }
}
