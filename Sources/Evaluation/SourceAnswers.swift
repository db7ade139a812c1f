import FeatureCache
import KnowledgeSource
import Numerics
import Tokenization

/// The source's own answers: shown some training documents, it answers greedily, to the end of a line; shown none, to
/// its answer's end. What all questions have before them is run once.
package struct SourceAnswers {
  private let source: DecoderSource
  private let tokenizer: Tokenizer
  private let prompts: FewShotPrompts
  private let prefix: SourceSession
  private let maxTokens: Int

  package init(
    _ source: DecoderSource, _ tokenizer: Tokenizer, _ prompts: FewShotPrompts, maxTokens: Int
  ) throws {
    self.source = source
    self.tokenizer = tokenizer
    self.prompts = prompts
    self.maxTokens = maxTokens
    let asked = prompts.shown.count + prompts.longest
    let session = try source.makeSession(
      capacity: asked + min(maxTokens, max(source.maximumPositions - asked, 0)))
    let states = FloatBuffer(count: max(prompts.shown.count, 1) * source.width)
    if !prompts.shown.isEmpty { try session.append(prompts.shown, into: states.base) }
    prefix = session
  }

  /// The first line of the answer, or all of it where no document was shown, the source ends it or has no position
  /// left.
  package func answer(to document: CacheDocument) throws -> String {
    let session = try prefix.fork()
    var next = prompts.ids(of: document)
    let logits = FloatBuffer(count: source.vocabularySize)
    var text = StreamingDetokenizer(tokenizer)
    var answer = ""
    for _ in 0..<maxTokens {
      guard !next.isEmpty, next.count <= session.capacity - session.count else { break }
      let states = FloatBuffer(count: next.count * source.width)
      try session.append(next, into: states.base)
      try source.logits(
        fromFinalStates: states.base + (next.count - 1) * source.width, count: 1, into: logits.base)
      var best = 0
      for index in 0..<logits.count where logits[index] > logits[best] { best = index }
      if tokenizer.endIDs.contains(Int32(best)) { break }
      answer += text.push(Int32(best))
      if !prompts.shown.isEmpty, let end = answer.utf8.firstIndex(of: UInt8(ascii: "\n")) {
        return String(answer[..<end])
      }
      next = [Int32(best)]
    }
    return answer + text.finish()
  }
}
