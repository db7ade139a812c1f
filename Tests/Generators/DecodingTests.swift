import GenerationModule
import Numerics
import Testing

/// Decoding with cached keys and values gives the bits of a pass over the whole document.
@Suite struct DecodingTests {
  @Test(arguments: [GeneratorPrompt.all, .last(2), .none], [true, false])
  func promptSteps(_ part: GeneratorPrompt, readsSource: Bool) throws {
    var configuration = Fixture.prompt
    configuration.generatorPrompt = part
    if !readsSource { configuration.bridgeLayerCount = 0 }
    let model = try #require(try Fixture.model(configuration) as? PromptGenerator)
    let document = Fixture.promptDocument(states: 6, prompt: 5, response: 20, seed: 1)
    let vocabulary = configuration.vocabularySize
    let prefix = try configuration.embeddedPrompt(document.prompt)
    let expected: [Int32] =
      switch part {
      case .all: document.prompt
      case .last(let count): Array(document.prompt.suffix(count))
      case .none: [1]
      }
    #expect(prefix == expected)
    let whole = try model.logits(document)
    #expect(whole.count == (prefix.count + 20) * vocabulary)

    let decoder = PromptDecoder(model)
    let session = try decoder.makeSession(states: readsSource ? document.states : [], capacity: 30)
    var row = prefix.count - 1
    var logits = try session.append(prefix)
    for token in document.response {
      #expect(logits == Array(whole[row * vocabulary..<(row + 1) * vocabulary]))
      logits = try ThreadTeam.shared.limited(to: row % 2 + 1) { try session.append([token]) }
      row += 1
    }
    #expect(logits == Array(whole[row * vocabulary..<(row + 1) * vocabulary]))
    #expect(session.position == prefix.count + 20)
  }

  @Test(arguments: [GeneratorConfiguration.BridgeMask.causal, .published], [1, 4])
  func alignedSteps(_ mask: GeneratorConfiguration.BridgeMask, first: Int) throws {
    let configuration = Fixture.aligned(mask)
    let model = try #require(try Fixture.model(configuration) as? AlignedGenerator)
    let document = Fixture.alignedDocument(prompt: 5, response: 12, seed: 1)
    let (vocabulary, width) = (configuration.vocabularySize, Fixture.sourceWidth)
    let session = AlignedDecoder(model).makeSession(capacity: 17)
    var taken = 0
    while taken < 17 {
      let count = taken == 0 ? first : 1
      let logits = try session.append(
        Array(document.states[taken * width..<(taken + count) * width]))
      taken += count
      // Of the document that ends here: under the causal mask that is the whole one's row.
      let prefix = GenerationDocument(
        states: Array(document.states.prefix(taken * width)), prompt: [],
        response: Array((document.prompt + document.response).prefix(taken)))
      #expect(logits == Array(try model.logits(prefix).suffix(vocabulary)))
      if mask == .causal {
        let whole = try model.logits(document)
        #expect(logits == Array(whole[(taken - 1) * vocabulary..<taken * vocabulary]))
      }
    }
  }

  @Test func sessionsOfOneDecoderAreIndependent() throws {
    let model = try #require(try Fixture.model(Fixture.prompt) as? PromptGenerator)
    let decoder = PromptDecoder(model)
    let documents = (1...2).map {
      Fixture.promptDocument(states: 4, prompt: 3, response: 1, seed: UInt64($0))
    }
    let alone = try documents.map {
      try decoder.makeSession(states: $0.states).append($0.prompt)
    }
    let sessions = try documents.map { try decoder.makeSession(states: $0.states) }
    for place in 0..<2 {
      for session in 0..<2 { _ = try sessions[session].append([documents[session].prompt[place]]) }
    }
    for session in 0..<2 {
      #expect(try sessions[session].append([documents[session].prompt[2]]) == alone[session])
    }
  }

  @Test func usedUpPositionsAreAnError() throws {
    let model = try #require(try Fixture.model(Fixture.prompt) as? PromptGenerator)
    let states = [Float](repeating: 0.1, count: Fixture.sourceWidth)
    let session = try PromptDecoder(model).makeSession(states: states, capacity: 3)
    _ = try session.append([1, 2])
    #expect(throws: GenerationModuleError.positionsExhausted(limit: 3)) {
      try session.append([1, 2])
    }
    _ = try session.append([3])
    #expect(throws: GenerationModuleError.self) { try session.append([53]) }
    #expect(throws: GenerationModuleError.self) { try PromptDecoder(model).makeSession(states: []) }
    let aligned = try #require(try Fixture.model(Fixture.aligned(.causal)) as? AlignedGenerator)
    let steps = AlignedDecoder(aligned).makeSession(capacity: 1)
    _ = try steps.append(states)
    #expect(throws: GenerationModuleError.positionsExhausted(limit: 1)) { try steps.append(states) }
    #expect(throws: GenerationModuleError.self) { try steps.append([1]) }
  }
}
