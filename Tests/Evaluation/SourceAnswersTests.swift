import Evaluation
import FeatureCache
import Foundation
import KnowledgeSource
import ModelFiles
import Testing
import Tokenization

/// What the source is shown, token by token, and what it says to it.
@Suite struct SourceAnswersTests {
  private let source: DecoderSource
  private let tokenizer: Tokenizer

  init() throws {
    let folder = try ModelFolder.open(EvaluationPlace.source)
    source = try DecoderSource(folder)
    tokenizer = try Tokenizer.load(folder)
  }

  private func plain(_ prompt: String, _ response: String = "") -> CacheDocument {
    CacheDocument(
      split: .train, corpus: "made", line: 1, prompt: Array(prompt.utf8),
      promptIDs: tokenizer.encode(prompt), response: Array(response.utf8),
      responseIDs: tokenizer.encode(response, framed: false))
  }

  /// As a chat template writes it: its markup is special tokens, and not what spells them.
  private func chat(_ prompt: String, _ response: String = "") -> CacheDocument {
    let text = "<|im_start|>user\n\(prompt)<|im_end|>\n<|im_start|>assistant\n"
    return CacheDocument(
      split: .train, corpus: "made", line: 1, prompt: Array(text.utf8),
      promptIDs: tokenizer.encode(text, special: true), response: Array(response.utf8),
      responseIDs: tokenizer.encode(response + "<|im_end|>", special: true, framed: false))
  }

  /// The likeliest token after a text that is run as a whole, again and again.
  private func greedy(_ start: [Int32], limit: Int) throws -> String {
    var ids = start
    var said: [Int32] = []
    while said.count < limit {
      var states = [Float](repeating: 0, count: ids.count * source.width)
      try source.states(ids, layer: source.layerCount, into: &states)
      var logits = [Float](repeating: 0, count: source.vocabularySize)
      try source.logits(
        fromFinalStates: Array(states.suffix(source.width)), count: 1, into: &logits)
      let best = try #require(logits.indices.max { logits[$0] < logits[$1] })
      if tokenizer.endIDs.contains(Int32(best)) { break }
      said.append(Int32(best))
      ids.append(Int32(best))
    }
    let text = String(decoding: tokenizer.decode(said), as: UTF8.self)
    return text.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init)
      ?? ""
  }

  @Test func `plain documents are shown as one text, and the answer is the greedy one`() throws {
    let shown = [plain("One is", " red."), plain("Two is", " blue.")]
    let asked = [plain("Three is"), plain("Forty is")]
    let prompts = try FewShotPrompts(
      shown, asked: asked, tokenizer, positions: source.maximumPositions)
    let text = "One is red.\nTwo is blue.\n"
    #expect(prompts.shown == tokenizer.encode(text))
    let answers = try SourceAnswers(source, tokenizer, prompts, maxTokens: 6)
    for document in asked {
      let question = tokenizer.encode(utf8: document.prompt, framed: false)
      #expect(prompts.ids(of: document) == question)
      #expect(try answers.answer(to: document) == greedy(prompts.shown + question, limit: 6))
    }
  }

  @Test func `a chat cache's special tokens are kept as ids`() throws {
    let shown = [chat("One?", "red"), chat("Two?", "blue")]
    let asked = [chat("Three?")]
    let prompts = try FewShotPrompts(
      shown, asked: asked, tokenizer, positions: source.maximumPositions)
    let feed = tokenizer.encode("\n", framed: false)
    #expect(
      prompts.shown == shown[0].promptIDs + shown[0].responseIDs + feed + shown[1].promptIDs
        + shown[1].responseIDs + feed)
    let start = try #require(tokenizer.encode("<|im_start|>", special: true).first)
    // Two turns a document, the second for the answer.
    #expect(prompts.shown.count { $0 == start } == 4)
    #expect(prompts.ids(of: asked[0]) == asked[0].promptIDs)
    let answers = try SourceAnswers(source, tokenizer, prompts, maxTokens: 5)
    #expect(
      try answers.answer(to: asked[0]) == greedy(prompts.shown + asked[0].promptIDs, limit: 5))
  }

  @Test func `what does not fit is refused with its numbers, and the last position is used`() throws
  {
    let shown = (0..<3).map { plain("Number \($0) is", " red.") }
    let asked = [plain("A"), plain("Number 4 is")]
    let tokens = tokenizer.encode(
      "Number 0 is red.\nNumber 1 is red.\nNumber 2 is red.\n"
    ).count
    let longest = tokenizer.encode("Number 4 is", framed: false).count
    #expect(
      throws: EvaluationError.tooMuchToShow(
        shown: 3, tokens: tokens, longest: longest, positions: tokens + longest)
    ) { try FewShotPrompts(shown, asked: asked, tokenizer, positions: tokens + longest) }
    _ = try FewShotPrompts(shown, asked: asked, tokenizer, positions: tokens + longest + 1)

    // An answer that would outgrow the source ends there.
    let many = (0..<200).map { plain("Number \($0) is", " red.") }
    let fitting = try #require(
      (1...many.count).last {
        (try? FewShotPrompts(
          Array(many.prefix($0)), asked: asked, tokenizer, positions: source.maximumPositions))
          != nil
      })
    let prompts = try FewShotPrompts(
      Array(many.prefix(fitting)), asked: asked, tokenizer, positions: source.maximumPositions)
    let answers = try SourceAnswers(source, tokenizer, prompts, maxTokens: .max)
    for document in asked { _ = try answers.answer(to: document) }
  }
}
