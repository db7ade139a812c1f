import Generators
import Identity
import Numerics
import TestSupport
import Testing

/// Decoding with cached keys and values gives the bits of a pass over the whole document.
@Suite struct DecodingTests {
  @Test(
    arguments: Fixture.Family.allCases, [GeneratorPrompt.all, .last(2), .none])
  func promptSteps(_ family: Fixture.Family, _ part: GeneratorPrompt) throws {
    for configuration in [
      try Fixture.prompt(family, part), try Fixture.prompt(family, arm: .none, part),
      try Fixture.prompt(family, part, streams: Fixture.streams),
      try Fixture.prompt(family, part, streams: Fixture.streams, reader: .both),
      try Fixture.prompt(family, part, reader: .pooled),
    ] {
      let model = try Fixture.model(configuration)
      let readsSource = configuration.needs.readsStates
      let document = Fixture.promptDocument(
        states: 6, prompt: 5, response: 20, seed: 1, streams: configuration.streams)
      let decoder = GeneratorDecoder(model)
      let prefix = try decoder.embeddedPrompt(document.prompt)
      let expected: [Int32] =
        switch part {
        case .all: document.prompt
        case .last(let count): Array(document.prompt.suffix(count))
        case .none: [1]
        }
      #expect(prefix == expected)
      let whole = try model.logits(document).rows(of: Fixture.vocabulary)
      #expect(whole.count == prefix.count + 20)

      let session = decoder.makeSession(capacity: 30)
      var row = prefix.count - 1
      var logits = try decoder.step(
        [StepPiece(session, tokens: prefix, states: readsSource ? document.states : [])])[0].logits
      for token in document.response {
        #expect(logits.bits == whole[row].bits)
        logits = try ThreadTeam.shared.limited(to: row % 2 + 1) {
          try decoder.step([StepPiece(session, tokens: [token])])[0].logits
        }
        row += 1
      }
      #expect(logits.bits == whole[row].bits)
      #expect(session.position == prefix.count + 20)
    }
  }

  @Test(arguments: Fixture.Family.allCases, [1, 4])
  func alignedSteps(_ family: Fixture.Family, first: Int) throws {
    for mask in [BridgeMask.causal, .published] {
      let model = try Fixture.model(Fixture.aligned(mask, family))
      let document = Fixture.alignedDocument(prompt: 5, response: 12, seed: 1)
      let ids = document.prompt + document.response
      let width = Fixture.sourceWidth
      let decoder = GeneratorDecoder(model)
      let session = decoder.makeSession(capacity: 17)
      let whole = try model.logits(document).rows(of: Fixture.vocabulary)
      var taken = 0
      while taken < 17 {
        let count = taken == 0 ? first : 1
        let logits = try decoder.step([
          StepPiece(
            session, tokens: Array(ids[taken..<taken + count]),
            states: [Array(document.states[0][taken * width..<(taken + count) * width])])
        ])[0].logits
        taken += count
        // Of the document that ends here: under the causal mask that is the whole one's row.
        let prefix = GeneratorDocument(
          states: [Array(document.states[0].prefix(taken * width))], prompt: [],
          response: Array(ids.prefix(taken)))
        #expect(
          logits.bits == (try model.logits(prefix).rows(of: Fixture.vocabulary).last?.bits))
        if mask == .causal { #expect(logits.bits == whole[taken - 1].bits) }
      }
    }
  }

  @Test func sessionsOfOneDecoderAreIndependent() throws {
    let model = try Fixture.model(Fixture.prompt())
    let decoder = GeneratorDecoder(model)
    let documents = (1...2).map {
      Fixture.promptDocument(states: 4, prompt: 3, response: 1, seed: UInt64($0))
    }
    let alone = try documents.map {
      try decoder.step([
        StepPiece(decoder.makeSession(), tokens: $0.prompt, states: $0.states)
      ])[0].logits
    }
    let sessions = documents.map { _ in decoder.makeSession() }
    for place in 0..<2 {
      for session in 0..<2 {
        _ = try decoder.step([
          StepPiece(
            sessions[session], tokens: [documents[session].prompt[place]],
            states: place == 0 ? documents[session].states : [])
        ])
      }
    }
    for session in 0..<2 {
      let logits = try decoder.step([
        StepPiece(sessions[session], tokens: [documents[session].prompt[2]])
      ])[0].logits
      #expect(logits.bits == alone[session].bits)
    }
  }

  @Test func usedUpPositionsAreAnError() throws {
    let decoder = GeneratorDecoder(try Fixture.model(Fixture.prompt()))
    let states = [[Float](repeating: 0.1, count: Fixture.sourceWidth)]
    let session = decoder.makeSession(capacity: 3)
    func append(_ tokens: [Int32], _ states: [[Float]] = []) throws {
      _ = try decoder.step([StepPiece(session, tokens: tokens, states: states)])
    }
    // The first step needs states, and those of the right width.
    #expect(throws: GeneratorError.self) { try append([1]) }
    #expect(throws: GeneratorError.self) { try append([1], [[0.1]]) }
    #expect(throws: GeneratorError.self) { try append([1], states + states) }
    try append([1, 2], states)
    #expect(throws: GeneratorError.positionsExhausted(limit: 3)) { try append([1, 2]) }
    // Further ones have none.
    #expect(throws: GeneratorError.self) { try append([3], states) }
    try append([3])
    #expect(throws: GeneratorError.self) { try append([53]) }
    #expect(throws: GeneratorError.self) { try append([]) }

    let aligned = GeneratorDecoder(try Fixture.model(Fixture.aligned(.causal)))
    let steps = aligned.makeSession(capacity: 1)
    _ = try aligned.step([StepPiece(steps, tokens: [1], states: states)])
    #expect(throws: GeneratorError.positionsExhausted(limit: 1)) {
      try aligned.step([StepPiece(steps, tokens: [1], states: states)])
    }
    let other = aligned.makeSession(capacity: 4)
    for wrong in [[], [[1]], [states[0] + states[0]]] as [[[Float]]] {
      #expect(throws: GeneratorError.self) {
        try aligned.step([StepPiece(other, tokens: [1], states: wrong)])
      }
    }
  }
}

extension [Float] {
  /// Rows of so many values.
  func rows(of width: Int) -> [[Float]] {
    stride(from: 0, to: count, by: width).map { Array(self[$0..<$0 + width]) }
  }
}
