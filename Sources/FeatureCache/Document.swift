import Crypto
import Foundation
import Identity

/// The set a document belongs to.
public enum DocumentSplit: String, CaseIterable, Sendable {
  case train, validation, test
  /// Stored by generation on a miss: in none of the sets.
  case asked
}

/// A prompt and what answers it. Text is UTF-8, kept byte for byte.
public struct CacheDocument: Equatable, Sendable {
  public var split: DocumentSplit
  /// Name of the file it came from.
  public var corpus: String
  /// Line in that file, from 1; 0: none.
  public var line: Int
  public var prompt: [UInt8]
  /// In the source's tokenizer, template included.
  public var promptIDs: [Int32]
  public var response: [UInt8]
  public var responseIDs: [Int32]

  public init(
    split: DocumentSplit, corpus: String, line: Int, prompt: [UInt8], promptIDs: [Int32],
    response: [UInt8], responseIDs: [Int32]
  ) {
    self.split = split
    self.corpus = corpus
    self.line = line
    self.prompt = prompt
    self.promptIDs = promptIDs
    self.response = response
    self.responseIDs = responseIDs
  }

  /// The token ids whose states `coverage` means.
  public func ids(_ coverage: Coverage) -> [Int32] {
    coverage == .prompt ? promptIDs : promptIDs + responseIDs
  }

  /// What text and token ids take in the cache.
  public var textBytes: Int {
    prompt.count + response.count + TokenIDs.width(promptIDs) * promptIDs.count
      + TokenIDs.width(responseIDs) * responseIDs.count
  }

  /// Names the document in errors.
  public var place: String {
    line > 0 ? "\(corpus):\(line)" : "a document of \(corpus)"
  }

  /// Comes before another in the order of corpora and lines.
  func precedes(_ other: CacheDocument) -> Bool {
    let (mine, others) = (Array(corpus.utf8), Array(other.corpus.utf8))
    return mine == others ? line < other.line : mine.lexicographicallyPrecedes(others)
  }

  /// Identifies the document by its text.
  public var key: DocumentKey {
    DocumentKey(prompt: prompt, response: response)
  }

  func checksum(source: [UInt8], secret: SymmetricKey?) -> [UInt8] {
    var hash = FramedHash("denju document row 1", key: secret)
    hash.add(source)
    hash.add(key.bytes)
    hash.add(split.rawValue)
    hash.add(corpus)
    hash.add(line)
    hash.add(prompt)
    hash.add(TokenIDs.bytes(promptIDs))
    hash.add(response)
    hash.add(TokenIDs.bytes(responseIDs))
    return hash.finalize()
  }
}

/// Identifies a document by its prompt's and response's bytes.
public struct DocumentKey: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  let bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  public init(prompt: [UInt8], response: [UInt8]) {
    var hash = FramedHash("denju document 1")
    hash.add(prompt)
    hash.add(response)
    bytes = hash.finalize()
  }

  public var description: String {
    hexadecimal(bytes)
  }
}

/// Names a stored document within one cache file.
public struct DocumentID: Hashable, Sendable, CustomStringConvertible {
  /// As `cache_documents` shows it.
  public let number: Int64

  public var description: String { "document \(number)" }
}

/// A line of the list of documents.
public struct DocumentEntry: Equatable, Sendable {
  public let id: DocumentID
  public let split: DocumentSplit
  public let promptTokens: Int
  public let responseTokens: Int
  /// States it has, in tokens; 0: none of that coverage.
  public let promptStates: Int
  public let documentStates: Int
  /// When, in Unix seconds.
  public let stored: Int

  /// The coverages it has states of.
  public var coverages: [Coverage] {
    (promptStates > 0 ? [.prompt] : []) + (documentStates > 0 ? [.document] : [])
  }
}
