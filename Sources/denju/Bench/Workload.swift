import Corpora
import Tokenization

/// Documents that every contender of a race runs, as token ids, and in the same order.
struct Workload {
  /// What reports call it: a length, or `mix`.
  let name: String
  let documents: [[Int32]]
  /// What contenders choose their settings on before the first round.
  let tuning: [[Int32]]

  var tokens: Int { documents.reduce(0) { $0 + $1.count } }

  static let mix = "mix"

  /// More than a benchmark of minutes could use.
  static let mostTokens = 10_000_000

  /// Most documents that settings are tried on, as a peer's largest batch is 32, and most tokens.
  private static let tuned = (documents: 32, tokens: 16384)
}

extension Workload {
  /// Documents of one length each, cut from the corpus's running text, and its prompts as they come.
  ///
  /// - Parameters:
  ///   - tokens: how many each is measured on, about; as `lengths`, at most `mostTokens`.
  ///   - positions: tokens that a prompt can have to be among those that are run.
  static func make(
    lengths: [Int], tokens: Int, corpus: Corpus, badRows: BadRowPolicy, tokenizer: Tokenizer,
    positions: Int
  ) throws -> [Workload] {
    let longest = max((lengths.max() ?? 0) * 2, tokens, Self.tuned.tokens)
    let reader = try corpus.reader(badRows: badRows)
    var (stream, prompts, promptTokens) = ([Int32](), [[Int32]](), 0)
    // The mix is half as large again, since its documents differ.
    while stream.count < longest || promptTokens < tokens * 3 / 2, let row = try reader.next() {
      let prompt = BenchText.prompt(of: row)
      let text = prompt.isEmpty ? row.response : prompt + "\n" + row.response
      stream += tokenizer.encode(text + "\n\n", framed: false)
      if !prompt.isEmpty && promptTokens < tokens * 3 / 2 {
        let ids = tokenizer.encode(prompt)
        guard ids.count <= positions else { continue }
        prompts.append(ids)
        promptTokens += ids.count
      }
    }
    guard !stream.isEmpty else { throw BenchError.noText(corpus: corpus.path, missing: "text") }
    guard !prompts.isEmpty else { throw BenchError.noText(corpus: corpus.path, missing: "prompts") }
    let fixed = lengths.map { length in
      // A short corpus is gone through again.
      func documents(_ count: Int) -> [[Int32]] {
        (0..<count).map { index in
          (index * length..<(index + 1) * length).map { stream[$0 % stream.count] }
        }
      }
      let count = max(tokens / length, 2)
      let tuning = min(Self.tuned.documents, max(Self.tuned.tokens / length, 2))
      return Workload(
        name: "\(length)", documents: documents(count), tuning: documents(max(count, tuning)))
    }
    return fixed + [Workload(name: mix, documents: prompts, tuning: prompts)]
  }
}

/// A row's text, however it is written.
enum BenchText {
  static func prompt(of row: CorpusRow) -> String {
    switch row.prompt {
    case .raw(let text): text
    case .messages(let turns): turns.map(\.content).joined(separator: "\n")
    case .none: ""
    }
  }

  /// Rows as "Question: PROMPT\nAnswer: RESPONSE", whole, of at least two tokens, until so many tokens are
  /// predicted; those longer than the source are skipped.
  static func documents(
    _ corpus: String, _ badRows: BadRowPolicy, tokens: Int, tokenizer: Tokenizer, most: Int
  ) throws -> [[Int32]] {
    let reader = try Corpus(corpus).reader(badRows: badRows)
    var (documents, predicted) = ([[Int32]](), 0)
    while predicted < tokens, let row = try reader.next() {
      let ids = tokenizer.encode("Question: \(prompt(of: row))\nAnswer: \(row.response)")
      guard ids.count >= 2, ids.count <= most else { continue }
      documents.append(ids)
      predicted += ids.count - 1
    }
    guard !documents.isEmpty else {
      throw BenchError.noText(corpus: corpus, missing: "document that the source can read")
    }
    return documents
  }
}
