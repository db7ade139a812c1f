import Foundation
import GRDB

extension FeatureCache {
  /// The documents of a split, or all, that have states in this stream; in the order of corpus, line and
  /// what the source reads, whatever order they were stored in.
  public func documents(_ split: DocumentSplit? = nil) throws(CacheError) -> [DocumentEntry] {
    try read("list documents") { db in
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT d.id, d.split, e.prompt_tokens, e.response_tokens,
            coalesce(p.tokens, 0), coalesce(w.tokens, 0), d.created
          FROM documents d
          JOIN encodings e ON e.document = d.id AND e.source = :source
          LEFT JOIN members m ON m.document = d.id AND m.corpus = (
            SELECT min(corpus) FROM members WHERE document = d.id AND split = d.split)
          LEFT JOIN chains p ON p.document = d.id AND p.stream = :stream AND p.coverage = 'prompt'
          LEFT JOIN chains w ON w.document = d.id AND w.stream = :stream AND w.coverage = 'document'
          WHERE (:split IS NULL OR d.split = :split) AND coalesce(p.tokens, w.tokens) IS NOT NULL
          ORDER BY m.corpus, m.line, e.key, d.key
          """,
        arguments: ["stream": streamID, "source": sourceID, "split": split?.rawValue])
      var entries: [DocumentEntry] = []
      while let row = try rows.next() {
        var reader = RowReader(row, path: path, item: "the list of documents")
        let entry = DocumentEntry(
          id: DocumentID(number: Int64(try reader.integer())),
          split: try file.documents.split(try reader.text()),
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

  /// The document that this stream's source reads as this text, if it is here; of two forms of one text, either.
  public func documentID(_ key: DocumentKey) throws(CacheError) -> DocumentID? {
    try read("look up a document") { db in
      try file.documents.ids(read: key, by: sourceID, db).first
    }
  }

  /// The document that `document` is, if it is here and this stream's source reads it.
  public func documentID(of document: CacheDocument) throws(CacheError) -> DocumentID? {
    try read("look up a document") { db in
      guard let id = try documentID(db, of: document),
        try file.documents.encoding(db, id, by: reader) != nil
      else { return nil }
      return id
    }
  }

  /// The corpora that have a document, by name.
  public func members(of id: DocumentID) throws(CacheError) -> [CorpusMember] {
    try read("read \(id)") { db in
      guard let document = try file.documents.document(db, id) else {
        throw CacheError.notFound(path: path, item: "\(id)")
      }
      return try file.documents.members(db, id, of: document)
    }
  }

  /// This stream's source, as the rows of what it reads name it.
  var reader: DocumentRows.Reader { DocumentRows.Reader(source: sourceID, key: sourceKey) }

  /// A document as this stream's source reads it.
  func document(_ db: Database, _ id: DocumentID) throws -> CacheDocument? {
    try file.documents.reading(db, id, by: reader)
  }
}
