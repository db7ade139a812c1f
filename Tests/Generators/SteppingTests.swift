import Generators
import Identity
import Numerics
import TestSupport
import Testing

/// One step over many sessions.
@Suite struct SteppingTests {
  static func configurations() throws -> [GeneratorConfiguration] {
    try Fixture.configurations()
      + Fixture.Family.allCases.map { try Fixture.prompt($0, streams: Fixture.streams) }
      + [try Fixture.prompt(.llama, arm: .none)]
  }

  /// A session's tokens and states, cut as it takes them.
  private struct Script {
    let document: GeneratorDocument
    let configuration: GeneratorConfiguration
    var ids: [Int32] { document.prompt + document.response }

    init(_ number: Int, _ configuration: GeneratorConfiguration, states: Int? = nil) {
      self.configuration = configuration
      // As many states as tokens in aligned, else any number.
      document = Fixture.promptDocument(
        states: configuration.isPrompt ? states ?? 1 + number % 6 : 30, prompt: 12, response: 18,
        seed: UInt64(number + 1), streams: configuration.streams)
    }

    func piece(
      _ session: GeneratorSession, _ count: Int, logits: [Int]? = nil, gates: Bool = false
    ) -> StepPiece {
      let (first, streams) = (session.position, configuration.streams)
      let states: [[Float]] =
        if configuration.isPrompt {
          first == 0 && configuration.needs.readsStates ? document.states : []
        } else {
          zip(document.states, streams).map {
            Array($0[first * $1.width..<(first + count) * $1.width])
          }
        }
      return StepPiece(
        session, tokens: Array(ids[first..<first + count]), states: states, logits: logits,
        gates: gates)
    }
  }

  /// Sixteen sessions, each at a position of its own, some of them in the midst of their prompts: every step
  /// gives each the bits that it gets alone.
  @Test(arguments: try configurations())
  func sixteenSessionsGetTheBitsOfEachAlone(_ configuration: GeneratorConfiguration) throws {
    let decoder = GeneratorDecoder(try Fixture.model(configuration))
    let scripts = (0..<16).map { Script($0, configuration) }
    let sessions = scripts.map { _ in decoder.makeSession(capacity: 30, prompt: 12) }
    let alone = scripts.map { _ in decoder.makeSession(capacity: 30, prompt: 12) }
    // Positions 0 to 15.
    for (number, script) in scripts.enumerated() where number > 0 {
      for session in [sessions[number], alone[number]] {
        _ = try decoder.step([script.piece(session, number)])
      }
    }
    let workspace = StepWorkspace()
    for round in 0..<4 {
      // A token each, but for some that take a piece of a prompt, whose logits may not be wanted.
      let counts = scripts.indices.map { ($0 + round) % 4 == 0 ? 3 : 1 }
      let logits = scripts.indices.map { number -> [Int]? in
        switch (number + round) % 8 {
        case 0: []
        case 4: [2, 0]
        default: nil
        }
      }
      func pieces(_ sessions: [GeneratorSession]) -> [StepPiece] {
        scripts.indices.map {
          scripts[$0].piece(sessions[$0], counts[$0], logits: logits[$0], gates: $0 % 3 == 0)
        }
      }
      let expected = try pieces(alone).map { try decoder.step([$0])[0] }
      let together = try decoder.step(pieces(sessions), workspace)
      for number in scripts.indices {
        #expect(
          together[number].logits.bits == expected[number].logits.bits,
          "session \(number), round \(round)")
        #expect(together[number].meanGates.bits == expected[number].meanGates.bits)
        #expect(
          together[number].meanGates.count == (number % 3 == 0 ? configuration.gateCount : 0))
        #expect(
          together[number].logits.count
            == (logits[number]?.count ?? 1) * Fixture.vocabulary)
        #expect(sessions[number].ids == alone[number].ids)
      }
    }
    #expect(Set(sessions.map(\.position)).count > 8)
  }

  /// The logits of given tokens are those that each is given as a last one, in the order asked.
  @Test(arguments: try configurations())
  func logitsOfGivenTokens(_ configuration: GeneratorConfiguration) throws {
    let decoder = GeneratorDecoder(try Fixture.model(configuration))
    let script = Script(3, configuration)
    let asked = [11, 0, 5, 5]
    let results = try decoder.step([
      script.piece(decoder.makeSession(prompt: 5), 12, logits: asked)
    ])[0].logits.rows(of: Fixture.vocabulary)
    // Under the published mask a row depends on what follows it: a document is scored as a whole.
    let whole = try Fixture.model(configuration).logits(
      GeneratorDocument(
        states: configuration.isPrompt
          ? script.document.states
          : [Array(script.document.states[0].prefix(12 * Fixture.sourceWidth))],
        prompt: Array(script.ids.prefix(5)), response: Array(script.ids[5..<12]))
    ).rows(of: Fixture.vocabulary)
    #expect(results.map(\.bits) == asked.map { whole[$0].bits })
    for wrong in [12, -1, .max] {
      let session = decoder.makeSession()
      #expect(throws: GeneratorError.self) {
        try decoder.step([script.piece(session, 12, logits: [0, wrong])])
      }
      #expect(session.position == 0)
    }
  }

  /// A prompt in pieces, whose logits are not asked for, leaves what the whole one leaves.
  @Test(arguments: try configurations(), [1, 2, 5, 7])
  func prefillInPieces(_ configuration: GeneratorConfiguration, size: Int) throws {
    let decoder = GeneratorDecoder(try Fixture.model(configuration))
    let script = Script(5, configuration)
    let (whole, pieces) = (decoder.makeSession(prompt: 12), decoder.makeSession(prompt: 12))
    _ = try decoder.step([script.piece(whole, 14, logits: [])])
    while pieces.position < 14 {
      let result = try decoder.step([
        script.piece(pieces, min(size, 14 - pieces.position), logits: [])
      ])
      #expect(result[0].logits.isEmpty)
    }
    for _ in 0..<3 {
      let next = try [whole, pieces].map { try decoder.step([script.piece($0, 1)])[0].logits.bits }
      #expect(next[0] == next[1])
    }
  }

  /// A copy goes on from where its session was, with the bits that the session has, and neither changes the other.
  @Test(arguments: try configurations())
  func aCopyGoesOnByItself(_ configuration: GeneratorConfiguration) throws {
    let decoder = GeneratorDecoder(try Fixture.model(configuration))
    let (script, other) = (Script(5, configuration), Script(6, configuration))
    let sessions = (0..<2).map { _ in decoder.makeSession(capacity: 30, prompt: 12) }
    for session in sessions { _ = try decoder.step([script.piece(session, 13)]) }
    let copy = sessions[0].copy()
    #expect(copy.position == 13 && copy.capacity == sessions[0].capacity)
    for _ in 0..<4 {
      // The copy writes another text meanwhile.
      _ = try decoder.step([other.piece(copy, 1)])
      let logits = try sessions.map { try decoder.step([script.piece($0, 1)])[0].logits.bits }
      #expect(logits[0] == logits[1])
    }
    let late = sessions[0].copy()
    let next = try [late, sessions[1]].map {
      try decoder.step([script.piece($0, 1)])[0].logits.bits
    }
    #expect(next[0] == next[1])
  }

  /// A step that ends midway, by being stopped or by a piece that is refused, leaves every session as it was,
  /// also for a first step whose states were in part stored already and are more the next time.
  @Test(arguments: try configurations())
  func aStepThatThrowsLeavesSessionsAsTheyWere(_ configuration: GeneratorConfiguration) throws {
    let decoder = GeneratorDecoder(try Fixture.model(configuration))
    for position in [0, 6] {
      for stop in 0..<3 {
        // Room for states comes in steps of sixteen.
        let scripts = (0..<3).map { Script($0, configuration, states: 17 + 16 * $0) }
        let sessions = scripts.map { _ in decoder.makeSession(capacity: 30, prompt: 12) }
        let untouched = scripts.map { _ in decoder.makeSession(capacity: 30, prompt: 12) }
        if position > 0 {
          for number in scripts.indices {
            for session in [sessions[number], untouched[number]] {
              _ = try decoder.step([scripts[number].piece(session, position)])
            }
          }
        }
        // What is stopped begins with fewer states than what is run afterwards.
        let small = Script(0, configuration)
        var asked = 0
        #expect(throws: GeneratorError.stopped) {
          try decoder.step(sessions.map { small.piece($0, 2) }) {
            asked += 1
            return asked > stop
          }
        }
        #expect(asked == stop + 1)
        #expect(sessions.allSatisfy { $0.position == position })
        let refused = StepPiece(sessions[2], tokens: [Int32(Fixture.vocabulary)])
        #expect(throws: GeneratorError.self) {
          try decoder.step([small.piece(sessions[0], 2), small.piece(sessions[1], 2), refused])
        }
        for count in [3, 1, 1] {
          let after = try decoder.step(
            scripts.indices.map { scripts[$0].piece(sessions[$0], count) })
          let expected = try decoder.step(
            scripts.indices.map { scripts[$0].piece(untouched[$0], count) })
          #expect(after.map(\.logits.bits) == expected.map(\.logits.bits))
        }
      }
    }
  }

  @Test func aStepOfNothingGivesNothing() throws {
    let decoder = GeneratorDecoder(try Fixture.model(Fixture.prompt()))
    #expect(try decoder.step([]).isEmpty)
  }
}
