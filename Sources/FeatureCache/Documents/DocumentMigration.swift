import Foundation
import GRDB

/// The step that keeps a document once: up to version 4 of the schema, a row of `documents` was a document as one source
/// read it, with its one place in a corpus.
///
/// Of what it was given as only the rendering is known. A row that is damaged stays so: its texts are kept with their
/// old checksum, which is none of the new rows'.
struct DocumentMigration {
  private let file: Schema.MigratedFile
  private let rows: DocumentRows

  /// - Throws: `keyNeeded`, `wrongKey`.
  init(_ file: Schema.MigratedFile, _ db: Database) throws {
    self.file = file
    rows = DocumentRows(
      path: file.path, cipher: try CacheCipher.load(db, file.key, path: file.path))
  }

  private static let tables = """
    CREATE TABLE documents (
      id       INTEGER PRIMARY KEY,
      key      BLOB NOT NULL UNIQUE,
      form     TEXT NOT NULL CHECK (form IN ('text', 'messages', 'rendered')),
      split    TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test', 'asked')),
      prompt   TEXT NOT NULL,
      response TEXT NOT NULL,
      sealed   BLOB,
      run      INTEGER REFERENCES runs(id),
      created  INTEGER NOT NULL,
      used     INTEGER,
      checksum BLOB NOT NULL
    ) STRICT;
    CREATE INDEX documents_by_split ON documents(split);
    CREATE TABLE encodings (
      document        INTEGER NOT NULL REFERENCES documents(id),
      source          INTEGER NOT NULL REFERENCES sources(id),
      key             BLOB NOT NULL,
      prompt          TEXT,
      prompt_ids      BLOB NOT NULL,
      response_ids    BLOB NOT NULL,
      prompt_tokens   INTEGER NOT NULL,
      response_tokens INTEGER NOT NULL,
      sealed          BLOB,
      checksum        BLOB NOT NULL,
      PRIMARY KEY (document, source)
    ) STRICT;
    CREATE INDEX encodings_by_key ON encodings(key);
    CREATE TABLE members (
      document INTEGER NOT NULL REFERENCES documents(id),
      corpus   TEXT NOT NULL,
      split    TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test', 'asked')),
      line     INTEGER NOT NULL,
      seen     INTEGER REFERENCES runs(id),
      checksum BLOB NOT NULL,
      PRIMARY KEY (document, corpus)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE passes (
      run       INTEGER NOT NULL REFERENCES runs(id),
      corpus    TEXT NOT NULL,
      split     TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test')),
      part      INTEGER NOT NULL,
      parts     INTEGER NOT NULL,
      completed INTEGER NOT NULL CHECK (completed IN (0, 1)),
      PRIMARY KEY (run, corpus, split)
    ) STRICT, WITHOUT ROWID;
    """

  /// Runs where references between tables are not enforced, in the transaction that the caller has begun.
  func run(_ db: Database) throws {
    // Views would stand in the way of renaming. The caller makes those of this version.
    for view in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'view'") {
      try db.execute(sql: "DROP VIEW \(view.quotedDatabaseIdentifier)")
    }
    // The way of before: what refers to `documents` goes on referring to that name.
    try db.execute(
      sql: """
        PRAGMA legacy_alter_table = ON;
        ALTER TABLE documents RENAME TO documents_before;
        PRAGMA legacy_alter_table = OFF;
        DROP INDEX documents_by_split;
        \(Self.tables)
        """)
    let ids = try Int64.fetchAll(db, sql: "SELECT id FROM documents_before ORDER BY id")
    for id in ids {
      guard let row = try Self.row(db, id) else { continue }
      do {
        try migrate(db, id, row)
      } catch CacheError.damaged {
        try keepDamaged(db, id)
      }
    }
    try db.execute(sql: "DROP TABLE documents_before")
  }

  private static func row(_ db: Database, _ id: Int64) throws -> Row? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT key, source, split, CAST(corpus AS BLOB), line, CAST(prompt AS BLOB), prompt_ids,
          CAST(response AS BLOB), response_ids, sealed, prompt_tokens, response_tokens, checksum,
          run, created, used
        FROM documents_before WHERE id = ?
        """)
    return try Row.fetchOne(statement, arguments: [id])
  }

  private func migrate(_ db: Database, _ id: Int64, _ row: Row) throws {
    var columns = RowReader(row, path: file.path, item: "document \(id)")
    let key = try columns.bytes()
    let reader = try rows.reader(db, Int64(try columns.integer()))
    let old = try document(&columns, key: key, item: "document \(id)", by: reader)
    let run = try columns.optionalInteger().map(Int64.init)
    let created = try columns.integer()
    let origin = DocumentRows.Origin(
      run: run, created: created, used: try columns.optionalInteger())
    let new = DocumentRows.Document(
      form: .rendered, split: old.split, prompt: old.prompt, response: old.response)
    let stored: DocumentID
    if let twin = try rows.id(given: new.key, db) {
      try join(db, id, new, origin, to: twin)
      stored = twin
    } else {
      stored = try rows.insert(db, new, origin, id: id)
    }
    try rows.put(
      db,
      DocumentRows.Encoding(
        key: key, prompt: nil, promptIDs: old.promptIDs, responseIDs: old.responseIDs),
      of: stored, by: reader)
    guard let document = try rows.document(db, stored) else { return }
    try rows.put(
      db, CorpusMember(corpus: old.corpus, split: old.split, line: old.line), of: stored, document,
      now: true)
  }

  /// Makes a row one with that of another source which read the same text. As when it is put again, it is in the set
  /// that it was put in last.
  private func join(
    _ db: Database, _ id: Int64, _ document: DocumentRows.Document, _ origin: DocumentRows.Origin,
    to twin: DocumentID
  ) throws {
    try db.execute(
      sql: "UPDATE chains SET document = ? WHERE document = ?", arguments: [twin.number, id])
    try db.execute(
      sql: """
        UPDATE documents SET used = max(coalesce(used, :used), :used)
        WHERE id = :id AND :used IS NOT NULL
        """, arguments: ["used": origin.used, "id": twin.number])
    if document.split != .asked { try rows.update(db, twin, to: document) }
  }

  /// What a row of before says, everything verified.
  private func document(
    _ columns: inout RowReader, key: [UInt8], item: String, by reader: DocumentRows.Reader
  ) throws -> CacheDocument {
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: file.path, item: item, reason: reason)
    }
    let split = try rows.split(try columns.text())
    let corpus = String(decoding: try columns.data(), as: UTF8.self)
    let line = try columns.integer()
    let open = [
      try columns.data(), try columns.data(), try columns.data(), try columns.data(),
    ]
    let parts = try rows.unsealed(
      open, try columns.optionalData(), boundTo: key, item: item)
    let (promptTokens, responseTokens) = (try columns.integer(), try columns.integer())
    guard parts.count == 4, let promptIDs = TokenIDs.ids(parts[1], count: promptTokens),
      let responseIDs = TokenIDs.ids(parts[3], count: responseTokens)
    else { throw damaged("its counts of tokens are not those of its token ids") }
    let document = CacheDocument(
      split: split, corpus: corpus, line: line, prompt: Array(parts[0]), promptIDs: promptIDs,
      response: Array(parts[2]), responseIDs: responseIDs)
    guard rows.stored(document.key) == key,
      document.checksum(source: reader.key, secret: rows.cipher?.authentication)
        == (try columns.bytes())
    else { throw damaged("its checksum differs") }
    return document
  }

  /// Keeps what there is of a damaged row. No document has its key, so that it is never taken for another.
  private func keepDamaged(_ db: Database, _ id: Int64) throws {
    try db.execute(
      sql: """
        INSERT INTO documents (id, key, form, split, prompt, response, sealed, run, created, used, checksum)
        SELECT id, randomblob(32), 'rendered', split, prompt, response, sealed, run, created, used, checksum
        FROM documents_before WHERE id = :id;
        INSERT INTO encodings (document, source, key, prompt_ids, response_ids, prompt_tokens,
          response_tokens, checksum)
        SELECT id, source, key, prompt_ids, response_ids, prompt_tokens, response_tokens, checksum
        FROM documents_before WHERE id = :id;
        INSERT INTO members (document, corpus, split, line, checksum)
        SELECT id, corpus, split, line, checksum FROM documents_before WHERE id = :id;
        """, arguments: ["id": id])
  }
}
