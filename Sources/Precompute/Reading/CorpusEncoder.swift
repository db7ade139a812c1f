import Corpora
import FeatureCache
import Identity
import Tokenization

/// Turns corpus rows into documents of token ids, and decides what becomes of those that are too long. Rows it can't use are
/// counted by reason; with `--bad-rows fail` the first one ends the work.
///
/// For one thread.
final class CorpusEncoder {
  private let rows: SplitReader
  private let format: PromptFormat
  private let coverage: Coverage
  private let tooLong: TooLong
  /// Tokens that the source can take, and that a whole document may have.
  private let limit: (source: Int, document: Int)

  /// Documents that were cut.
  private(set) var truncated = 0
  /// Documents with a character that the tokenizer has no token for, and leaves out.
  private(set) var lossy = 0

  init(
    _ options: PrecomputeOptions, format: PromptFormat, positions: Int
  ) throws {
    if let tokens = options.maxTokens, tokens < 1 {
      throw PrecomputeError.badLimit(name: "max-tokens", found: tokens)
    }
    rows = try options.rows()
    self.format = format
    coverage = options.coverage
    tooLong = options.tooLong
    limit = (positions, options.maxTokens ?? .max)
  }

  /// Bad rows so far.
  var bad: BadRowTally { rows.bad }

  /// Counts by outcome: bad rows by reason, and what was changed.
  var outcomes: [String: Int] {
    var counts = Dictionary(
      uniqueKeysWithValues: bad.counts.map { ("skipped: \($0.key)", $0.value) })
    if truncated > 0 { counts["truncated"] = truncated }
    if lossy > 0 { counts["with characters that the tokenizer leaves out"] = lossy }
    return counts
  }

  /// The next document; `nil` at the end.
  func next() throws -> CacheDocument? {
    while let (row, split) = try rows.next() {
      if case .none = row.prompt, coverage == .prompt {
        try rows.reject(row, .emptyPrompt)
        continue
      }
      var document = try encode(row, split)
      guard !document.ids(coverage).isEmpty else {
        try rows.reject(row, .noTokens)
        continue
      }
      if let excess = excess(of: document) {
        let fits =
          switch tooLong {
          case .fail, .skip: false
          case .truncateLeft: cutLeft(&document, by: excess)
          case .truncateRight: cutRight(&document, by: excess)
          }
        guard fits else {
          let tokens = document.promptIDs.count + document.responseIDs.count
          let reason = BadRow.Reason.tooLong(tokens: tokens, limit: tokens - excess)
          guard tooLong != .fail else {
            throw PrecomputeError.tooLong(
              place: "\(row.location)", tokens: tokens, limit: tokens - excess)
          }
          rows.skip(row, reason)
          continue
        }
        truncated += 1
      }
      return document
    }
    return nil
  }

  private func encode(_ row: CorpusRow, _ split: CorpusSplit) throws -> CacheDocument {
    let prompt: PromptFormat.Encoded
    switch row.prompt {
    case .raw(let text): prompt = try format.prompt(.raw(text))
    case .messages(let turns):
      let messages = turns.map { ChatMessage(role: $0.role.rawValue, content: $0.content) }
      prompt = try format.prompt(.messages(messages))
    case .none: prompt = .empty
    }
    if prompt.isLossy || !format.tokenizer.canEncode(row.response) { lossy += 1 }
    return CacheDocument(
      split: DocumentSplit(split), corpus: row.location.file, line: row.location.line,
      form: row.form, given: prompt.given?.canonical, prompt: prompt.text, promptIDs: prompt.ids,
      response: Array(row.response.utf8),
      responseIDs: format.response(row.response))
  }

  /// By how many tokens the document is too long; `nil` when it fits.
  private func excess(of document: CacheDocument) -> Int? {
    let whole = document.promptIDs.count + document.responseIDs.count
    let covered = document.ids(coverage).count
    let excess = max(covered - limit.source, whole - limit.document)
    return excess > 0 ? excess : nil
  }

  /// A cut leaves at least one token of the prompt, if there is one, and one of the response.
  private func cutLeft(_ document: inout CacheDocument, by excess: Int) -> Bool {
    // Where a text stands between two tokens, as [CLS] and [SEP], what is cut lies between them.
    let frame = format.tokenizer.closingID == nil ? 0 : 1
    guard document.promptIDs.count - 2 * frame > excess else { return false }
    document.promptIDs.removeSubrange(frame..<frame + excess)
    return true
  }

  private func cutRight(_ document: inout CacheDocument, by excess: Int) -> Bool {
    guard document.responseIDs.count > excess, coverage == .document else { return false }
    document.responseIDs.removeLast(excess)
    return true
  }
}

extension CorpusRow {
  /// How the cache has its prompt.
  fileprivate var form: DocumentForm {
    switch prompt {
    case .raw, .none: .text
    case .messages: .messages
    }
  }
}

extension DocumentSplit {
  init(_ split: CorpusSplit) {
    switch split {
    case .train: self = .train
    case .validation: self = .validation
    case .test: self = .test
    }
  }
}
