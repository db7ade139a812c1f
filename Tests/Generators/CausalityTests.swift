import Architectures
import Generators
import Identity
import TestSupport
import Testing

/// What a position may see.
@Suite struct CausalityTests {
  /// The first position whose logits differ.
  private func firstChange(
    _ model: Generator, _ one: GeneratorDocument, _ other: GeneratorDocument
  ) throws -> Int? {
    let (a, b) = (try model.logits(one), try model.logits(other))
    let vocabulary = model.configuration.vocabularySize
    return zip(a, b).enumerated().first { $1.0 != $1.1 }.map { $0.offset / vocabulary }
  }

  /// Changing the state of token t + 1 changes no logit up to t.
  @Test(arguments: Fixture.Family.allCases)
  func alignedIsCausal(_ family: Fixture.Family) throws {
    let model = try Fixture.model(Fixture.aligned(.causal, family))
    let document = Fixture.alignedDocument(prompt: 5, response: 9, seed: 1)
    for token in 1..<14 {
      var other = document
      other.states[0][token * Fixture.sourceWidth + 3] += 1
      #expect(try firstChange(model, document, other) == token)
    }
  }

  /// The published code's cross-attention has no mask: the state of a token to come, which contains that
  /// token, reaches every position before it. Its loss is no language model's.
  @Test(arguments: Fixture.Family.allCases)
  func thePublishedMaskLeaks(_ family: Fixture.Family) throws {
    let model = try Fixture.model(Fixture.aligned(.published, family))
    let document = Fixture.alignedDocument(prompt: 5, response: 9, seed: 1)
    for token in 1..<14 {
      var other = document
      other.states[0][token * Fixture.sourceWidth + 3] += 1
      #expect(try firstChange(model, document, other) == 0)
    }
  }

  /// Changing a response token changes no logit before it.
  @Test(arguments: Fixture.Family.allCases)
  func promptIsCausalAmongResponseTokens(_ family: Fixture.Family) throws {
    let model = try Fixture.model(Fixture.prompt(family, reader: .both))
    let document = Fixture.promptDocument(states: 6, prompt: 5, response: 9, seed: 1)
    for token in 0..<9 {
      var other = document
      other.response[token] = (document.response[token] + 1) % 53
      #expect(try firstChange(model, document, other) == 5 + token)
    }
    // Every position reads every state.
    var other = document
    other.states[0][5 * Fixture.sourceWidth] += 1
    #expect(try firstChange(model, document, other) == 0)
  }

  /// What is read at once is added where the answer begins: no earlier position has it, every later one may.
  @Test func pooledStatesAreReadWhereTheAnswerBegins() throws {
    let model = try Fixture.model(Fixture.prompt(reader: .pooled))
    let document = Fixture.promptDocument(states: 6, prompt: 5, response: 9, seed: 1)
    for state in 0..<6 {
      var other = document
      other.states[0][state * Fixture.sourceWidth] += 1
      #expect(try firstChange(model, document, other) == 4)
    }
  }

  /// A local layer's window alone decides what it sees.
  @Test func aGeneratorOfLocalLayersForgets() throws {
    let backbone = try GPTNeo(
      width: 24, heads: 3, inner: 96, vocabulary: 53, positions: 40, window: 5, kinds: [.local],
      file: "test")
    let model = try Fixture.model(Fixture.prompt(backbone, arm: .none))
    let document = Fixture.promptDocument(states: 0, prompt: 14, response: 1, seed: 1)
    var other = document
    other.prompt[2] = (document.prompt[2] + 1) % 53
    let (a, b) = (try model.logits(document), try model.logits(other))
    let changed = Set(zip(a, b).enumerated().filter { $1.0 != $1.1 }.map { $0.offset / 53 })
    // One layer of window 5: positions 2 to 6.
    #expect(changed == Set(2...6))
  }
}
