import FeatureCache
import KnowledgeSource
import Numerics
import Tokenization

/// The source itself as an arm: shown some training documents, it answers greedily, to the end of a line.
/// What the documents have in common is run once.
struct SourceAnswers {
  private let source: KnowledgeSource
  private let tokenizer: Tokenizer
  private let prefix: SourceSession
  private let maxTokens: Int

  /// - Parameters:
  ///   - shown: training documents, each written as its prompt, its response and a line feed.
  ///   - capacity: most tokens of a prompt.
  init(
    _ source: KnowledgeSource, _ tokenizer: Tokenizer, shown: [CacheDocument], capacity: Int,
    maxTokens: Int
  ) throws {
    let text = shown.flatMap { $0.prompt + $0.response + [UInt8(ascii: "\n")] }
    let ids = tokenizer.encode(utf8: text)
    self.source = source
    self.tokenizer = tokenizer
    self.maxTokens = maxTokens
    let session = try source.makeSession(
      capacity: min(ids.count + capacity + maxTokens, source.maximumPositions))
    let states = FloatBuffer(count: max(ids.count, 1) * source.width)
    if !ids.isEmpty { try session.append(ids, into: states.base) }
    prefix = session
  }

  func answer(to prompt: [UInt8]) throws -> String {
    let session = try prefix.fork()
    var next = tokenizer.encode(utf8: prompt, framed: prefix.count == 0)
    let logits = FloatBuffer(count: source.vocabularySize)
    var text = StreamingDetokenizer(tokenizer)
    var answer = ""
    for _ in 0..<maxTokens {
      let states = FloatBuffer(count: next.count * source.width)
      try session.append(next, into: states.base)
      try source.logits(
        fromFinalStates: states.base + (next.count - 1) * source.width, count: 1, into: logits.base)
      var best = 0
      for index in 0..<logits.count where logits[index] > logits[best] { best = index }
      if tokenizer.endIDs.contains(Int32(best)) { break }
      answer += text.push(Int32(best))
      if let end = answer.utf8.firstIndex(of: UInt8(ascii: "\n")) { return String(answer[..<end]) }
      next = [Int32(best)]
    }
    return answer + text.finish()
  }
}
