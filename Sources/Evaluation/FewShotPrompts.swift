import FeatureCache
import Tokenization

/// What the source is shown when it is asked itself: some training documents, then a prompt, as token ids.
///
/// Where the cache's prompts are plain text, the documents are written as one text, each as its prompt, its
/// response and a line feed. Where they went through a chat template, the ids that the cache has are kept: as
/// text, the template's special tokens would be read as what they are spelled like.
package struct FewShotPrompts {
  /// The tokens of the documents that are shown.
  package let shown: [Int32]
  /// Tokens of the longest prompt that will be asked.
  package let longest: Int
  private let tokenizer: Tokenizer
  private let keepsIDs: Bool

  /// - Parameter positions: the source's. What is shown, the longest prompt and a token of an answer must fit.
  package init(
    _ shown: [CacheDocument], asked: [CacheDocument], _ tokenizer: Tokenizer, positions: Int
  ) throws(EvaluationError) {
    self.tokenizer = tokenizer
    let keepsIDs = !(shown + asked).allSatisfy { Self.isPlain($0, tokenizer) }
    self.keepsIDs = keepsIDs
    let ends = tokenizer.encode("\n", framed: false)
    let ids =
      keepsIDs
      ? shown.flatMap { $0.promptIDs + $0.responseIDs + ends }
      : tokenizer.encode(
        utf8: shown.flatMap { $0.prompt + $0.response + [UInt8(ascii: "\n")] })
    self.shown = shown.isEmpty ? [] : ids
    longest =
      asked.map {
        Self.ids(of: $0, tokenizer, keepsIDs: keepsIDs, isFirst: shown.isEmpty).count
      }.max() ?? 0
    guard self.shown.count + longest < positions else {
      throw .tooMuchToShow(
        shown: shown.count, tokens: self.shown.count, longest: longest, positions: positions)
    }
  }

  /// What follows the documents that are shown.
  package func ids(of document: CacheDocument) -> [Int32] {
    Self.ids(of: document, tokenizer, keepsIDs: keepsIDs, isFirst: shown.isEmpty)
  }

  private static func ids(
    of document: CacheDocument, _ tokenizer: Tokenizer, keepsIDs: Bool, isFirst: Bool
  ) -> [Int32] {
    keepsIDs
      ? document.promptIDs : tokenizer.encode(utf8: document.prompt, framed: isFirst)
  }

  /// Whether the cached ids are those of the text as it is, or of its end, where it was cut.
  private static func isPlain(_ document: CacheDocument, _ tokenizer: Tokenizer) -> Bool {
    let ids = tokenizer.encode(utf8: document.prompt)
    return ids.suffix(document.promptIDs.count) == document.promptIDs[...]
      || ids.prefix(document.promptIDs.count) == document.promptIDs[...]
  }
}
