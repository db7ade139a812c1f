import Generation
import Generators
import Identity
import TestSupport
import Testing
import Tokenization

/// The engine over a model that says the alphabet: every answer was worked out by hand.
@Suite struct GenerationEngineTests {
  let tokenizer: Tokenizer
  let model: Alphabet
  let states = Strides()
  let engine: GenerationEngine

  init() throws {
    tokenizer = try Tokenizer(
      json: Checkout.bytes("Tests/Tokenization/Vectors/tiny-gpt2.json"), configJSON: nil)
    model = try Alphabet(tokenizer)
    engine = GenerationEngine(model, states, tokenizer: tokenizer)
  }

  private func request(
    _ text: String, _ options: SamplingOptions = SamplingOptions(), given: [[Float]]? = nil
  ) -> GenerationEngine.Request {
    let ids = ids(text)
    return GenerationEngine.Request(
      prompts: [.init(text: Array(text.utf8), ids: ids, isLossy: false)], ids: ids,
      options: options, given: given)
  }

  /// A token a character, whatever could be merged.
  private func ids(_ text: String) -> [Int32] {
    text.flatMap { tokenizer.encode(String($0), framed: false) }
  }

  /// Steps an engine until nothing is under way.
  private func finish(
    _ engine: GenerationEngine
  ) throws -> [GenerationEngine.AnswerID: GenerationResult] {
    var results: [GenerationEngine.AnswerID: GenerationResult] = [:]
    while engine.count > 0 {
      for (id, result) in try engine.step() {
        #expect(results[id] == nil, "an answer ended twice")
        results[id] = result
      }
    }
    return results
  }

  // MARK: Alone

  @Test func `an answer goes on until the model ends it`() throws {
    // Two words: every second letter.
    let result = try engine.answer(request("to t"))
    #expect(result.text == "vxz" && result.finish == .stop)
    #expect(result.ids == ids("vxz"))
    #expect(result.promptTokens == 4)
    #expect(result.states == .recomputed && states.asked == ["to t"])
    // v, x, z and the end: a step each; the states came with the first alone.
    #expect(model.batches == [1, 1, 1, 1])
    #expect(model.sessions[0].states == [[[2]], [], [], []])
    #expect(engine.count == 0)
  }

  @Test func `states that are given are read in place of the prompt's own`() throws {
    let result = try engine.answer(request("a", given: [[5]]))
    #expect(result.text == "fkpuz" && result.states == .reused)
    #expect(states.asked.isEmpty)
  }

  @Test func `a generator alone asks for no states`() throws {
    let alone = try Alphabet(
      tokenizer, needs: SourceNeeds(coverage: .prompt, steps: false, readsStates: false))
    let engine = GenerationEngine(alone, states, tokenizer: tokenizer)
    let result = try engine.answer(request("to w"))
    #expect(result.text == "xyz" && result.states == .none)
    #expect(states.asked.isEmpty)
  }

  // MARK: Limits

  @Test func `the token limit, and the positions, end an answer`() throws {
    let short = try engine.answer(request("a", SamplingOptions(maxTokens: 3)))
    #expect(short.text == "bcd" && short.finish == .length)
    // Any number is a limit, and none is added to.
    let all = try engine.answer(request("a", SamplingOptions(maxTokens: .max)))
    #expect(all.text == "bcdefghijklmnopqrstuvwxyz" && all.finish == .stop)

    let narrow = try Alphabet(tokenizer, positions: 5)
    let engine = GenerationEngine(narrow, states, tokenizer: tokenizer)
    // "a", then four letters that go through it; the fifth need not.
    let full = try engine.answer(request("a", SamplingOptions(maxTokens: .max)))
    #expect(full.text == "bcdef" && full.finish == .length)
    #expect(narrow.sessions[0].capacity == 5 && narrow.sessions[0].position == 5)
  }

  @Test func `what can't be answered is refused, and nothing is under way`() throws {
    let narrow = try Alphabet(tokenizer, positions: 5)
    let engine = GenerationEngine(narrow, states, tokenizer: tokenizer)
    #expect(throws: GenerationError.tooLong(tokens: 5, limit: 4, whose: "generator")) {
      try engine.admit(request("abcde"))
    }
    #expect(throws: GenerationError.emptyPrompt) { try engine.admit(request("")) }
    #expect {
      try engine.admit(request("a", SamplingOptions(maxTokens: 0)))
    } throws: { error in
      guard case .invalidOption("max-new-tokens", "0", _) = error as? GenerationError else {
        return false
      }
      return true
    }
    #expect(engine.count == 0 && states.asked.isEmpty && narrow.sessions.isEmpty)
    #expect(try engine.step().isEmpty && narrow.batches.isEmpty)
  }

  @Test func `a stop string ends an answer, and nobody is shown a part of it`() throws {
    var shown: [String] = []
    let result = try engine.answer(request("a", SamplingOptions(stop: ["zz", "gh"]))) {
      shown.append($0)
      return true
    }
    #expect(result.text == "bcdef" && result.finish == .stop)
    #expect(shown.joined() == "bcdef" && !shown.contains { $0.contains("g") })
    // Held back because it might become one, and shown because it didn't.
    let near = try engine.answer(request("w", SamplingOptions(stop: ["z!"])))
    #expect(near.text == "xyz")
  }

  // MARK: Beside each other

  @Test func `answers beside each other are those that each gets alone`() throws {
    let asked = [
      request("a"), request("to b", SamplingOptions(maxTokens: 4)),
      request("x", SamplingOptions(temperature: 2, maxTokens: 9, seed: 4)),
      request("so it is", SamplingOptions(stop: ["y"])),
      request("x", SamplingOptions(temperature: 2, maxTokens: 9, seed: 5)),
    ]
    let alone = try asked.map { asked in
      let result = try engine.answer(asked)
      return (result.text, result.ids, result.finish)
    }
    #expect(alone[1].0 == "dfhj" && alone[3].0 == "v" && alone[3].2 == .stop)
    #expect(alone[2].1 != alone[4].1, "two seeds drew the same, and show nothing")

    let model = try Alphabet(tokenizer)
    let together = GenerationEngine(model, states, tokenizer: tokenizer)
    let ids = try asked.map { try together.admit($0) }
    #expect(Set(ids).count == 5 && together.count == 5)
    let results = try finish(together)
    for (id, expected) in zip(ids, alone) {
      let result = try #require(results[id])
      #expect(result.text == expected.0 && result.ids == expected.1 && result.finish == expected.2)
    }
    #expect(model.batches[0] == 5)
    #expect(model.batches == model.batches.sorted(by: >), "who has ended is stepped no more")
  }

  @Test func `one is admitted while others are under way, and retired when it ends`() throws {
    let first = try engine.admit(request("t"))
    for _ in 0..<2 { #expect(try engine.step().isEmpty) }
    // u and v are said; w, x, y, z and the end are to come.
    let second = try engine.admit(request("x"))
    var ends: [Int: [GenerationEngine.AnswerID]] = [:]
    for step in 3...7 { ends[step] = try engine.step().map(\.id) }
    // The second's are y, z and the end.
    #expect(ends == [3: [], 4: [], 5: [second], 6: [], 7: [first]])
    #expect(model.batches == [1, 1, 2, 2, 2, 1, 1])
    #expect(engine.count == 0)
  }

  @Test func `an answer that is waited for takes nobody else's`() throws {
    let other = try engine.admit(request("x"))
    #expect(try engine.answer(request("a")).text == "bcdefghijklmnopqrstuvwxyz")
    #expect(engine.count == 0)
    // It ended meanwhile, and is given to who asks next, once.
    let ended = try engine.step()
    #expect(ended.map(\.id) == [other] && ended.map(\.result.text) == ["yz"])
    #expect(try engine.step().isEmpty)
  }

  @Test func `a reader who leaves ends its own answer alone`() throws {
    var seen = 0
    let left = try engine.admit(request("a")) { _ in
      seen += 1
      return seen < 3
    }
    let stays = try engine.admit(request("to p"))
    let gone = try engine.admit(request("b"))
    _ = try engine.step()
    engine.withdraw(gone)
    #expect(engine.count == 2)
    let results = try finish(engine)
    #expect(results[left]?.text == "bcd" && results[left]?.finish == .cancelled)
    #expect(results[stays]?.text == "rtvxz" && results[stays]?.finish == .stop)
    #expect(results[gone] == nil)
    #expect(seen == 3)
  }

  // MARK: Failures

  @Test func `a step that fails leaves every answer as it was`() throws {
    let ids = [try engine.admit(request("a")), try engine.admit(request("to v"))]
    model.failingStep = 3
    for _ in 0..<2 { _ = try engine.step() }
    #expect(throws: Alphabet.Failure.self) { try engine.step() }
    #expect(engine.count == 2)
    let results = try finish(engine)
    #expect(ids.map { results[$0]?.text } == ["bcdefghijklmnopqrstuvwxyz", "xz"])
  }

  @Test func `who waited for an answer whose step fails leaves the others under way`() throws {
    let other = try engine.admit(request("t"))
    model.failingStep = 2
    #expect(throws: Alphabet.Failure.self) { try engine.answer(request("a")) }
    #expect(engine.count == 1)
    #expect(try finish(engine)[other]?.text == "uvwxyz")
  }

  // MARK: A source that steps beside the generator

  @Test func `every token has its state, of all documents in one step`() throws {
    let (engine, model) = try stepping()
    let ids = [try engine.admit(request("w")), try engine.admit(request("u"))]
    // Each prompt by itself.
    #expect(states.batches == [1, 1] && states.asked.isEmpty)
    let results = try finish(engine)
    #expect(ids.map { results[$0]?.text } == ["xyz", "vwxyz"])
    #expect(ids.map { results[$0]?.states } == [.stepped, .stepped])
    // x, y and z of the one beside v, w and x of the other, whose y and z come alone.
    #expect(states.batches == [1, 1, 2, 2, 2, 1, 1])
    #expect(model.batches == [2, 2, 2, 2, 1, 1])
  }

  @Test func `the source's positions are a limit too`() throws {
    let (engine, model) = try stepping()
    states.positions = 4
    let result = try engine.answer(request("a", SamplingOptions(maxTokens: .max)))
    #expect(result.text == "bcde" && result.finish == .length)
    #expect(model.sessions[0].capacity == 4)
    #expect(throws: GenerationError.tooLong(tokens: 4, limit: 3, whose: "source or the generator"))
    {
      try engine.admit(request("abcd"))
    }
  }

  @Test func `a source's step that fails loses no answer`() throws {
    let (engine, _) = try stepping()
    let ids = [try engine.admit(request("y")), try engine.admit(request("u"))]
    // The prompts' are the first two; then z beside v, and w, as the first one ends.
    states.failingStep = 4
    var results: [GenerationEngine.AnswerID: GenerationResult] = [:]
    for _ in 0..<2 { for (id, result) in try engine.step() { results[id] = result } }
    #expect(results.keys.map { $0 } == [ids[0]])
    #expect(throws: Strides.Failure.self) { try engine.step() }
    results.merge(try finish(engine)) { first, _ in first }
    #expect(ids.map { results[$0]?.text } == ["z", "vwxyz"])
  }

  private func stepping() throws -> (GenerationEngine, Alphabet) {
    let model = try Alphabet(
      tokenizer, needs: SourceNeeds(coverage: .document, steps: true, readsStates: true))
    return (GenerationEngine(model, states, tokenizer: tokenizer), model)
  }
}
