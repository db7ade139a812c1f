import Foundation
import GRDB
import Identity

extension DocumentRows {
  /// What a source reads of a document: what a row of `encodings` says.
  struct Encoding: Equatable {
    /// Of the text that is read, as rows have it.
    let key: [UInt8]
    /// As the source's template wrote it; `nil`: as it was given.
    var prompt: [UInt8]?
    let promptIDs: [Int32]
    let responseIDs: [Int32]

    fileprivate func checksum(source: [UInt8], _ cipher: CacheCipher?) -> [UInt8] {
      var hash = FramedHash("denju encoding row 1", key: cipher?.authentication)
      hash.add(source)
      hash.add(key)
      hash.add(prompt == nil ? 0 : 1)
      hash.add(prompt ?? [])
      hash.add(TokenIDs.bytes(promptIDs))
      hash.add(TokenIDs.bytes(responseIDs))
      return hash.finalize()
    }
  }

  /// A source's row number, and what its checksums are over.
  struct Reader {
    let source: Int64
    let key: [UInt8]
  }

  /// A source by its row number.
  func reader(_ db: Database, _ source: Int64) throws -> Reader {
    let statement = try db.cachedStatement(
      sql: "SELECT weights_sha256, architecture, tokenizer_sha256 FROM sources WHERE id = ?")
    guard let row = try Row.fetchOne(statement, arguments: [source]) else {
      throw CacheError.damaged(path: path, item: "source \(source)", reason: "it is gone")
    }
    var columns = RowReader(row, path: path, item: "source \(source)")
    return Reader(
      source: source,
      key: CacheIdentity.sourceKey(
        weights: try columns.text(), architecture: try columns.text(),
        tokenizer: try columns.text()))
  }

  /// What a source reads of a document, its checksum verified; `nil`: it reads nothing of it.
  func encoding(_ db: Database, _ id: DocumentID, by reader: Reader) throws -> Encoding? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT key, CAST(prompt AS BLOB), prompt_ids, response_ids, sealed, prompt_tokens, response_tokens,
          checksum
        FROM encodings WHERE document = ? AND source = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [id.number, reader.source]) else {
      return nil
    }
    let item = "\(id)"
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: item, reason: reason)
    }
    var columns = RowReader(row, path: path, item: item)
    let key = try columns.bytes()
    let prompt = try columns.optionalData()
    let open = [try columns.data(), try columns.data()] + (prompt.map { [$0] } ?? [])
    let parts = try unsealed(open, try columns.optionalData(), boundTo: key, item: item)
    guard (2...3).contains(parts.count) else { throw damaged("what it decrypts to is no document") }
    guard let promptIDs = TokenIDs.ids(parts[0], count: try columns.integer()),
      let responseIDs = TokenIDs.ids(parts[1], count: try columns.integer())
    else { throw damaged("its counts of tokens are not those of its token ids") }
    let encoding = Encoding(
      key: key, prompt: parts.count == 3 ? Array(parts[2]) : nil, promptIDs: promptIDs,
      responseIDs: responseIDs)
    guard encoding.checksum(source: reader.key, cipher) == (try columns.bytes()) else {
      throw damaged("the checksum of what its source reads differs")
    }
    return encoding
  }

  /// A document as a source reads it, everything verified; `nil`: the source reads nothing of it.
  func reading(_ db: Database, _ id: DocumentID, by reader: Reader) throws -> CacheDocument? {
    guard let document = try document(db, id), let encoding = try encoding(db, id, by: reader)
    else { return nil }
    let prompt = encoding.prompt ?? document.prompt
    guard stored(DocumentKey(prompt: prompt, response: document.response)) == encoding.key else {
      throw CacheError.damaged(
        path: path, item: "\(id)", reason: "its text is not what the key of its reading says")
    }
    let place = try place(db, id, of: document)
    return CacheDocument(
      split: document.split, corpus: place.corpus, line: place.line, form: document.form,
      given: document.prompt, prompt: prompt, promptIDs: encoding.promptIDs,
      response: document.response, responseIDs: encoding.responseIDs)
  }

  /// The sources that read a document.
  func readers(_ db: Database, of id: DocumentID) throws -> [Reader] {
    let statement = try db.cachedStatement(
      sql: "SELECT source FROM encodings WHERE document = ? ORDER BY source")
    return try Int64.fetchAll(statement, arguments: [id.number]).map { try reader(db, $0) }
  }

  /// Documents of which a source reads this text, in the order of what they were given as.
  ///
  /// - Parameter form: those alone that were given so; `nil`: all.
  func ids(
    read key: DocumentKey, by source: Int64, form: DocumentForm? = nil, _ db: Database
  ) throws -> [DocumentID] {
    let statement = try db.cachedStatement(
      sql: """
        SELECT d.id FROM encodings e JOIN documents d ON d.id = e.document
        WHERE e.key = :key AND e.source = :source AND (:form IS NULL OR d.form = :form) ORDER BY d.key
        """)
    return try Int64.fetchAll(
      statement, arguments: ["key": Data(stored(key)), "source": source, "form": form?.rawValue]
    ).map(DocumentID.init(number:))
  }

  /// Adds a row, or makes the one that there is say this.
  func put(_ db: Database, _ encoding: Encoding, of id: DocumentID, by reader: Reader) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO encodings (document, source, key, prompt, prompt_ids, response_ids, sealed,
          prompt_tokens, response_tokens, checksum)
        VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)
        """)
    let ids = [encoding.promptIDs, encoding.responseIDs].map(TokenIDs.packed)
    let (open, sealed) = try sealed(
      ids + (encoding.prompt.map { [$0] } ?? []), boundTo: encoding.key)
    let prompt = cipher == nil && encoding.prompt != nil ? open[2] : nil
    try statement.execute(arguments: [
      id.number, reader.source, Data(encoding.key), prompt, open[0], open[1], sealed,
      encoding.promptIDs.count, encoding.responseIDs.count,
      Data(encoding.checksum(source: reader.key, cipher)),
    ])
  }
}
