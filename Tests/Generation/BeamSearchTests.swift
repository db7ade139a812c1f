import Foundation
import Generation
import Generators
import Identity
import TestSupport
import Testing
import Tokenization

/// The search for the likeliest whole answer, against all answers there are.
@Suite struct BeamSearchTests {
  let tokenizer: Tokenizer

  init() throws {
    tokenizer = try Tokenizer(
      json: Checkout.bytes("Tests/Tokenization/Vectors/tiny-gpt2.json"), configJSON: nil)
  }

  /// A model of a few letters whose logits are random functions of all tokens so far.
  private final class Random: AnsweringModel {
    final class Session: AnsweringSession {
      let capacity: Int
      var ids: [Int32] = []
      var position: Int { ids.count }

      init(capacity: Int) { self.capacity = capacity }

      func fork() -> any AnsweringSession {
        let other = Session(capacity: capacity)
        other.ids = ids
        return other
      }
    }

    var needs = SourceNeeds(coverage: .prompt, steps: false, readsStates: false)
    let positions = 64
    let letters: [Int32]
    let end: Int32
    private let seed: UInt64
    private let vocabulary: Int

    init(_ tokenizer: Tokenizer, seed: UInt64) throws {
      letters = "abc".flatMap { tokenizer.encode(String($0), framed: false) }
      end = try #require(tokenizer.endOfTextID)
      vocabulary = tokenizer.vocabularySize
      self.seed = seed
    }

    func embeddedPrompt(_ prompt: [Int32]) -> [Int32] { prompt }
    func makeSession(capacity: Int, prompt: Int) -> any AnsweringSession {
      Session(capacity: capacity)
    }

    func logits(after ids: [Int32]) -> [Float] {
      var hash = seed
      for id in ids { hash = (hash ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01b3 }
      var logits = [Float](repeating: -40, count: vocabulary)
      for token in letters + [end] {
        hash = hash &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        logits[Int(token)] = Float(hash >> 40) / Float(1 << 24) * 4
      }
      return logits
    }

    func step(
      _ pieces: [(session: any AnsweringSession, tokens: [Int32], states: [[Float]])]
    ) throws -> [[Float]] {
      try pieces.map { piece in
        let session = try #require(piece.session as? Session)
        session.ids += piece.tokens
        #expect(session.position <= session.capacity)
        return logits(after: session.ids)
      }
    }

    /// The likeliest answer of at most `most` tokens, and its score, by trying all.
    func likeliest(after prompt: [Int32], most: Int) -> (ids: [Int32], score: Double) {
      func best(_ answer: [Int32], _ score: Double) -> (ids: [Int32], score: Double) {
        guard answer.count < most else { return (answer, score) }
        let logits = logits(after: prompt + answer).map(Double.init)
        let total = logSum(logits)
        var found = (ids: answer, score: score + logits[Int(end)] - total)
        for letter in letters {
          let other = best(answer + [letter], score + logits[Int(letter)] - total)
          if other.score > found.score { found = other }
        }
        return found
      }
      return best([], 0)
    }

    private func logSum(_ values: [Double]) -> Double {
      let top = values.max() ?? 0
      return top + log(values.reduce(0) { $0 + exp($1 - top) })
    }
  }

  private func request(_ ids: [Int32], _ options: SamplingOptions) -> GenerationEngine.Request {
    GenerationEngine.Request(
      prompts: [.init(text: [], ids: ids, isLossy: false)], ids: ids, options: options)
  }

  @Test(arguments: 1...40)
  func `with enough width it finds the likeliest answer there is`(seed: UInt64) throws {
    let model = try Random(tokenizer, seed: seed)
    let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
    let prompt = [model.letters[0]]
    var told: [String] = []
    let found = try engine.answer(request(prompt, SamplingOptions(beams: 64, maxTokens: 4))) {
      if !$0.isEmpty { told.append($0) }
      return true
    }
    let expected = model.likeliest(after: prompt, most: 4)
    #expect(found.ids == expected.ids)
    #expect(found.finish == (expected.ids.count == 4 ? .length : .stop))
    #expect(told.joined() == found.text && told.count <= 1)
  }

  /// Where the likeliest first token leads to no likely answer, width finds what greed does not.
  @Test func `a wider search finds no less likely an answer than greed, and some likelier ones`()
    throws
  {
    var better = 0
    for seed in 1...40 as ClosedRange<UInt64> {
      let model = try Random(tokenizer, seed: seed)
      let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
      let prompt = [model.letters[0]]
      let greedy = try engine.answer(request(prompt, SamplingOptions(maxTokens: 4)))
      let searched = try engine.answer(request(prompt, SamplingOptions(beams: 64, maxTokens: 4)))
      if greedy.ids != searched.ids { better += 1 }
    }
    #expect(better > 5)
  }

  @Test func `an answer does not depend on what is under way beside it`() throws {
    let model = try Random(tokenizer, seed: 9)
    let options = [1, 3, 8, 2].map { SamplingOptions(beams: $0, maxTokens: 5) }
    let alone = try options.map {
      try GenerationEngine(model, Strides(), tokenizer: tokenizer)
        .answer(request([model.letters[1]], $0))
    }
    let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
    let admitted = try options.map { try engine.admit(request([model.letters[1]], $0)) }
    var together: [GenerationEngine.AnswerID: GenerationResult] = [:]
    while engine.count > 0 {
      for (id, result) in try engine.step() { together[id] = result }
    }
    for (id, result) in zip(admitted, alone) { #expect(together[id]?.ids == result.ids) }
  }

  /// A stop string ends a path as it ends an answer, and is no part of it.
  @Test func `a stop string ends a searched answer`() throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let model = try Random(tokenizer, seed: seed)
      let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
      let result = try engine.answer(
        request([model.letters[0]], SamplingOptions(beams: 4, maxTokens: 6, stop: ["b"])))
      #expect(!result.text.contains("b"))
    }
  }

  /// A search whose reader left is given up at its next step.
  @Test func `a search ends when nobody waits for it`() throws {
    let model = try Random(tokenizer, seed: 3)
    let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
    var asked = 0
    let result = try engine.answer(
      request([model.letters[0]], SamplingOptions(beams: 8, maxTokens: 40))
    ) { text in
      if text.isEmpty { asked += 1 }
      return asked < 2
    }
    #expect(result.finish == .cancelled && asked == 2 && engine.count == 0)
  }

  @Test func `a search that cannot be is refused`() throws {
    for options in [
      SamplingOptions(beams: 0), SamplingOptions(beams: 65),
      SamplingOptions(temperature: 1, beams: 2), SamplingOptions(repetitionPenalty: 2, beams: 2),
    ] {
      #expect(throws: GenerationError.self) { try options.validate() }
    }
    let model = try Random(tokenizer, seed: 1)
    model.needs = SourceNeeds(coverage: .document, steps: true, readsStates: true)
    let engine = GenerationEngine(model, Strides(), tokenizer: tokenizer)
    #expect(throws: GenerationError.self) {
      try engine.admit(request([model.letters[0]], SamplingOptions(beams: 2)))
    }
  }
}
