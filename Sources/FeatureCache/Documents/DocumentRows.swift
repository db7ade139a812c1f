import Foundation
import GRDB

/// The rows of `documents`, `encodings` and `members` in a file: what they say, checked, and what is written there.
/// They belong to no one stream.
struct DocumentRows {
  let path: String
  /// Of an encrypted file.
  let cipher: CacheCipher?

  /// A document as it was given: what its row says.
  struct Document: Equatable {
    var form: DocumentForm
    var split: DocumentSplit
    var prompt: [UInt8]
    let response: [UInt8]

    var key: DocumentKey { DocumentKey(form: form, prompt: prompt, response: response) }

    fileprivate func checksum(key: [UInt8], _ cipher: CacheCipher?) -> [UInt8] {
      var hash = FramedHash("denju document row 2", key: cipher?.authentication)
      hash.add(key)
      hash.add(form.rawValue)
      hash.add(split.rawValue)
      hash.add(prompt)
      hash.add(response)
      return hash.finalize()
    }
  }

  /// What a row has beside the document.
  struct Origin {
    let run: Int64?
    let created: Int
    var used: Int?
  }

  /// A document's key as rows have it, by whichever of its texts.
  func stored(_ key: DocumentKey) -> [UInt8] {
    guard let cipher else { return key.bytes }
    var hash = FramedHash("denju document key 1", key: cipher.authentication)
    hash.add(key.bytes)
    return hash.finalize()
  }

  /// The document that was given so.
  func id(given key: DocumentKey, _ db: Database) throws -> DocumentID? {
    let statement = try db.cachedStatement(sql: "SELECT id FROM documents WHERE key = ?")
    return try Int64.fetchOne(statement, arguments: [Data(stored(key))]).map(
      DocumentID.init(number:))
  }

  /// A document, its key and checksum verified.
  func document(_ db: Database, _ id: DocumentID) throws -> Document? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT key, form, split, CAST(prompt AS BLOB), CAST(response AS BLOB), sealed, checksum
        FROM documents WHERE id = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [id.number]) else { return nil }
    let item = "\(id)"
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: item, reason: reason)
    }
    var reader = RowReader(row, path: path, item: item)
    let key = try reader.bytes()
    let name = try reader.text()
    guard let form = DocumentForm(rawValue: name) else {
      throw damaged("there is no form `\(name)`")
    }
    let split = try self.split(try reader.text())
    let open = [try reader.data(), try reader.data()]
    let parts = try unsealed(open, try reader.optionalData(), boundTo: key, item: item)
    guard parts.count == 2 else { throw damaged("what it decrypts to is no document") }
    let document = Document(
      form: form, split: split, prompt: Array(parts[0]), response: Array(parts[1]))
    guard stored(document.key) == key else { throw damaged("its text is not what its key says") }
    guard document.checksum(key: key, cipher) == (try reader.bytes()) else {
      throw damaged("its checksum differs")
    }
    return document
  }

  /// Adds a row.
  ///
  /// - Parameter id: `nil`: the next.
  func insert(
    _ db: Database, _ document: Document, _ origin: Origin, id: Int64? = nil
  ) throws -> DocumentID {
    // Text goes in as bytes: SQLite's interface for strings would end it at a zero byte.
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO documents (id, key, form, split, prompt, response, sealed, run, created, used, checksum)
        VALUES (?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?)
        """)
    let key = stored(document.key)
    let (open, sealed) = try sealed([document.prompt, document.response], boundTo: key)
    try statement.execute(arguments: [
      id, Data(key), document.form.rawValue, document.split.rawValue, open[0], open[1], sealed,
      origin.run, origin.created, origin.used, Data(document.checksum(key: key, cipher)),
    ])
    return DocumentID(number: db.lastInsertedRowID)
  }

  /// Makes a row say `document`. Where its key changes, its members' rows must follow.
  func update(_ db: Database, _ id: DocumentID, to document: Document) throws {
    let key = stored(document.key)
    let (open, sealed) = try sealed([document.prompt, document.response], boundTo: key)
    try db.execute(
      sql: """
        UPDATE documents SET key = ?, form = ?, split = ?, prompt = CAST(? AS TEXT),
          response = CAST(? AS TEXT), sealed = ?, checksum = ? WHERE id = ?
        """,
      arguments: [
        Data(key), document.form.rawValue, document.split.rawValue, open[0], open[1], sealed,
        Data(document.checksum(key: key, cipher)), id.number,
      ])
  }

  /// Removes a document with all that says something of it alone.
  func remove(_ db: Database, _ id: DocumentID) throws {
    for table in ["chains", "encodings", "members"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE document = ?", arguments: [id.number])
    }
    try db.execute(sql: "DELETE FROM documents WHERE id = ?", arguments: [id.number])
    guard db.changesCount == 1 else { throw CacheError.notFound(path: path, item: "\(id)") }
  }

  func split(_ name: String) throws(CacheError) -> DocumentSplit {
    guard let split = DocumentSplit(rawValue: name) else {
      throw .damaged(
        path: path, item: "the list of documents", reason: "there is no split `\(name)`")
    }
    return split
  }

  // MARK: What an encrypted file has in their place

  /// Parts as columns have them: as they are, or empty with all of them in the second.
  func sealed(
    _ parts: [[UInt8]], boundTo key: [UInt8]
  ) throws -> (open: [Data], sealed: Data?) {
    guard let cipher else { return (parts.map { Data($0) }, nil) }
    var content = Data()
    for part in parts {
      withUnsafeBytes(of: UInt64(part.count).littleEndian) { content.append(contentsOf: $0) }
      content.append(contentsOf: part)
    }
    return (parts.map { _ in Data() }, try cipher.seal(content, boundTo: key))
  }

  /// The parts again, as many as there were.
  func unsealed(
    _ open: [Data], _ sealed: Data?, boundTo key: [UInt8], item: String
  ) throws(CacheError) -> [Data] {
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: item, reason: reason)
    }
    guard let cipher else {
      guard sealed == nil else {
        throw damaged("it is sealed in a cache that is not encrypted")
      }
      return open
    }
    guard open.allSatisfy(\.isEmpty) else { throw damaged("it has text that is not encrypted") }
    guard let sealed, let content = cipher.open(sealed, boundTo: key) else {
      throw damaged("it can't be decrypted")
    }
    var rest = content[...]
    var parts: [Data] = []
    while rest.count >= 8 {
      let count = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      guard count <= UInt64(rest.count) else { break }
      parts.append(Data(rest.prefix(Int(count))))
      rest = rest.dropFirst(Int(count))
    }
    guard rest.isEmpty else { throw damaged("what it decrypts to is no document") }
    return parts
  }
}
