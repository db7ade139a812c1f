import FeatureCache
import Foundation
import Identity

/// How states lie in a file that other programs read or write: the names of its arrays.
///
/// For each document, by its number:
///
///     NUMBER.states         [T, C] float32
///     NUMBER.input_ids      [T] int64, the tokens of those states
///     NUMBER.response_ids   [R] int64
///     NUMBER.prompt         the text, UTF-8 as [bytes] uint8
///     NUMBER.response       likewise
///     NUMBER.given          likewise: the prompt as the corpus gave it, where the source's template made another of it
///
/// And once, as JSON in uint8: `identity` (whose states these are; `document_identity` where a state depends on
/// its whole document), `source` (name, path and template),
/// `documents` (a line each: number, split, corpus, line, coverage, and the form of what was given); `tokenizer`,
/// serialized.
/// To be imported, a file needs states and input_ids alone.
enum StateFile {
  enum Part: String, CaseIterable {
    case states
    case inputIDs = "input_ids"
    case responseIDs = "response_ids"
    case prompt, response, given
  }

  /// The name of the identity. Of states that depend on their whole documents it is another, so that a program of
  /// before, which would take them for causal ones, does not find it.
  static func identity(_ scope: StateScope) -> String {
    scope == .causal ? "identity" : "document_identity"
  }

  static let source = "source"
  static let documents = "documents"
  static let tokenizer = "tokenizer"

  static func name(_ number: Int64, _ part: Part) -> String { "\(number).\(part.rawValue)" }

  /// What `source` says.
  struct Source: Codable {
    let name: String
    let path: String
    let chatTemplate: String?
    let chunkTokens: Int
  }

  /// A line of `documents`.
  struct Place: Codable {
    let number: Int64
    let split: String
    let corpus: String
    let line: Int
    let coverage: String
    /// How the prompt is written that was given; `nil` in files of before: nobody knows.
    let form: String?
  }
}
