import Foundation
import GRDB

extension FeatureCache {
  /// The documents of a split, or all, that have states in this stream; in the order of corpus, line and
  /// key, whatever order they were stored in.
  public func documents(_ split: DocumentSplit? = nil) throws(CacheError) -> [DocumentEntry] {
    try read("list documents") { db in
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT d.id, d.split, d.prompt_tokens, d.response_tokens,
            coalesce(p.tokens, 0), coalesce(w.tokens, 0), d.created
          FROM documents d
          LEFT JOIN chains p ON p.document = d.id AND p.stream = :stream AND p.coverage = 'prompt'
          LEFT JOIN chains w ON w.document = d.id AND w.stream = :stream AND w.coverage = 'document'
          WHERE d.source = :source AND (:split IS NULL OR d.split = :split)
            AND coalesce(p.tokens, w.tokens) IS NOT NULL
          ORDER BY d.corpus, d.line, d.key
          """,
        arguments: ["stream": streamID, "source": sourceID, "split": split?.rawValue])
      var entries: [DocumentEntry] = []
      while let row = try rows.next() {
        var reader = RowReader(row, path: path, item: "the list of documents")
        let entry = DocumentEntry(
          id: DocumentID(number: Int64(try reader.integer())),
          split: try splitNamed(try reader.text()),
          promptTokens: try reader.integer(), responseTokens: try reader.integer(),
          promptStates: try reader.integer(), documentStates: try reader.integer(),
          stored: try reader.integer())
        try requireCounts(entry)
        entries.append(entry)
      }
      return entries
    }
  }

  /// Counts that fit each other and memory: sizes are computed from them.
  private func requireCounts(_ entry: DocumentEntry) throws(CacheError) {
    let possible = 0...Int(Int32.max)
    guard possible.contains(entry.promptTokens), possible.contains(entry.responseTokens),
      [0, entry.promptTokens].contains(entry.promptStates),
      [0, entry.promptTokens + entry.responseTokens].contains(entry.documentStates)
    else {
      throw .damaged(
        path: path, item: "\(entry.id)",
        reason: "its counts of tokens are not those of its states")
    }
  }

  /// The documents of the file in the order of their numbers, also those that damage has left without
  /// states.
  ///
  /// - Parameters:
  ///   - split: `nil`: of all splits.
  ///   - time: in Unix seconds; `nil`: whenever they were stored.
  ///   - here: those alone that have states in this stream.
  public func documentIDs(
    _ split: DocumentSplit? = nil, storedBefore time: Int? = nil, withStatesHere here: Bool = false
  ) throws(CacheError) -> [DocumentID] {
    try read("list documents") { db in
      try Int64.fetchAll(
        db,
        sql: """
          SELECT id FROM documents d
          WHERE (:split IS NULL OR split = :split) AND (:time IS NULL OR created < :time)
            AND (NOT :here
              OR EXISTS (SELECT 1 FROM chains WHERE document = d.id AND stream = :stream))
          ORDER BY id
          """,
        arguments: [
          "split": split?.rawValue, "time": time, "here": here, "stream": streamID,
        ]
      ).map(DocumentID.init(number:))
    }
  }

  /// A document with its text and token ids, its checksum verified.
  public func document(_ id: DocumentID) throws(CacheError) -> CacheDocument {
    try read("read \(id)") { db in
      guard let document = try document(db, id) else {
        throw CacheError.notFound(path: path, item: "\(id)")
      }
      return document
    }
  }

  /// The document of this text, if it is here.
  public func documentID(_ key: DocumentKey) throws(CacheError) -> DocumentID? {
    try read("look up a document") { db in try documentID(db, key) }
  }

  func documentID(_ db: Database, _ key: DocumentKey) throws -> DocumentID? {
    let statement = try db.cachedStatement(
      sql: "SELECT id FROM documents WHERE source = ? AND key = ?")
    return try Int64.fetchOne(statement, arguments: [sourceID, Data(storedKey(key))]).map(
      DocumentID.init(number:))
  }

  func document(_ db: Database, _ id: DocumentID) throws -> CacheDocument? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT key, split, CAST(corpus AS BLOB), line, CAST(prompt AS BLOB), prompt_ids, CAST(response AS BLOB),
          response_ids, sealed, prompt_tokens, response_tokens, checksum
        FROM documents WHERE id = ? AND source = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [id.number, sourceID]) else {
      return nil
    }
    let item = "\(id)"
    var reader = RowReader(row, path: path, item: item)
    let key = try reader.bytes()
    let split = try splitNamed(try reader.text())
    let corpus = String(decoding: try reader.data(), as: UTF8.self)
    let line = try reader.integer()
    let stored = DocumentColumns(
      prompt: try reader.data(), promptIDs: try reader.data(), response: try reader.data(),
      responseIDs: try reader.data(), sealed: try reader.optionalData())
    let columns = try unsealed(stored, key: key, item: item)
    let (promptTokens, responseTokens) = (try reader.integer(), try reader.integer())
    guard let promptIDs = TokenIDs.ids(columns.promptIDs, count: promptTokens),
      let responseIDs = TokenIDs.ids(columns.responseIDs, count: responseTokens)
    else {
      throw CacheError.damaged(
        path: path, item: item, reason: "its counts of tokens are not those of its token ids")
    }
    let document = CacheDocument(
      split: split, corpus: corpus, line: line, prompt: Array(columns.prompt),
      promptIDs: promptIDs, response: Array(columns.response), responseIDs: responseIDs)
    guard storedKey(document.key) == key else {
      throw CacheError.damaged(path: path, item: item, reason: "its text is not what its key says")
    }
    guard document.checksum(source: sourceKey, secret: secret) == (try reader.bytes()) else {
      throw CacheError.damaged(path: path, item: item, reason: "its checksum differs")
    }
    return document
  }

  func splitNamed(_ name: String) throws(CacheError) -> DocumentSplit {
    guard let split = DocumentSplit(rawValue: name) else {
      throw .damaged(
        path: path, item: "the list of documents", reason: "there is no split `\(name)`")
    }
    return split
  }
}
