import Crypto
import Identity

/// The set a document belongs to.
public enum DocumentSplit: String, CaseIterable, Sendable {
  case train, validation, test
  /// Stored by generation on a miss: in none of the sets.
  case asked
}

/// How a document's prompt is written.
public enum DocumentForm: String, CaseIterable, Sendable {
  /// As plain text, as the corpus has it; nothing, where it has none.
  case text
  /// As messages, which is JSON in one spelling: `[{"role":"user","content":"..."}]`.
  case messages
  /// As a source's template wrote it, where it is not known any more what that was made of.
  case rendered
}

/// A prompt and what answers it, as one source reads them. Text is UTF-8, kept byte for byte.
public struct CacheDocument: Equatable, Sendable {
  /// The set that it is in.
  public var split: DocumentSplit
  /// Name of the file it came from; of several, the first that has it in its set.
  public var corpus: String
  /// Line in that file, from 1; 0: none.
  public var line: Int
  /// How `given` is written.
  public var form: DocumentForm
  /// The prompt as the corpus gave it, where the source's template made another text of it; `nil`: `prompt` is that.
  public var givenPrompt: [UInt8]?
  /// As the source reads it, written by its template.
  public var prompt: [UInt8]
  /// In the source's tokenizer, template included.
  public var promptIDs: [Int32]
  public var response: [UInt8]
  public var responseIDs: [Int32]

  /// - Parameter given: the prompt as the corpus gave it, in the form that `form` says; `nil`: as `prompt`.
  public init(
    split: DocumentSplit, corpus: String, line: Int, form: DocumentForm = .rendered,
    given: [UInt8]? = nil, prompt: [UInt8], promptIDs: [Int32], response: [UInt8],
    responseIDs: [Int32]
  ) {
    self.split = split
    self.corpus = corpus
    self.line = line
    self.form = form
    self.givenPrompt = given == prompt ? nil : given
    self.prompt = prompt
    self.promptIDs = promptIDs
    self.response = response
    self.responseIDs = responseIDs
  }

  /// The prompt as the corpus gave it.
  public var given: [UInt8] { givenPrompt ?? prompt }

  /// The token ids whose states `coverage` means.
  public func ids(_ coverage: Coverage) -> [Int32] {
    coverage == .prompt ? promptIDs : promptIDs + responseIDs
  }

  /// What text and token ids take in the cache.
  public var textBytes: Int { givenBytes + readBytes }

  /// What it takes as it was given, once for all sources.
  public var givenBytes: Int { given.count + response.count }

  /// What it takes as this source reads it.
  public var readBytes: Int {
    (givenPrompt == nil ? 0 : prompt.count) + TokenIDs.width(promptIDs) * promptIDs.count
      + TokenIDs.width(responseIDs) * responseIDs.count
  }

  /// Names the document in errors.
  public var place: String { Self.place(corpus, line) }

  static func place(_ corpus: String, _ line: Int) -> String {
    line > 0 ? "\(corpus):\(line)" : "a document of \(corpus)"
  }

  /// Identifies the document by its text as the source reads it.
  public var key: DocumentKey {
    DocumentKey(prompt: prompt, response: response)
  }

  /// Identifies the document as it was given, whichever source reads it.
  public var givenKey: DocumentKey {
    DocumentKey(form: form, prompt: given, response: response)
  }
}

extension CacheDocument {
  /// As a row of `documents` was hashed up to version 4 of the schema: what old rows are checked by, and what the
  /// content's digest is over.
  func checksum(source: [UInt8], secret: SymmetricKey?) -> [UInt8] {
    var hash = FramedHash("denju document row 1", key: secret)
    hash.add(source)
    addRow(to: &hash)
    return hash.finalize()
  }

  /// Adds what such a row had.
  func add(to hash: inout FramedHash, checksum: [UInt8]) {
    addRow(to: &hash)
    hash.add(checksum)
  }

  private func addRow(to hash: inout FramedHash) {
    hash.add(key.bytes)
    hash.add(split.rawValue)
    hash.add(corpus)
    hash.add(line)
    hash.add(prompt)
    hash.add(TokenIDs.bytes(promptIDs))
    hash.add(response)
    hash.add(TokenIDs.bytes(responseIDs))
  }
}

/// Names a stored document within one cache file: the same in all of its streams, whatever their sources.
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
