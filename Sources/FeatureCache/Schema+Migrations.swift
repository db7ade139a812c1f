import Foundation
import GRDB

extension Schema {
  /// A step from a version of the schema, and those before it, to the next.
  package struct Migration: Sendable {
    let from: Int
    let apply: @Sendable (Database, MigratedFile) throws -> Void

    init(from: Int, apply: @escaping @Sendable (Database, MigratedFile) throws -> Void) {
      self.from = from
      self.apply = apply
    }

    package init(from: Int, sql: String) {
      self.init(from: from) { db, _ in try db.execute(sql: sql) }
    }
  }

  /// The file that is migrated: what it takes to read its rows.
  package struct MigratedFile: Sendable {
    let path: String
    /// Of an encrypted one.
    let key: CacheKey?

    package init(path: String, key: CacheKey?) {
      self.path = path
      self.key = key
    }
  }

  /// The steps to `version`, in order. (Version 4 had the tables of version 3: it said that a stream's states are of
  /// whole documents.)
  static let migrations: [Migration] = [
    Migration(
      from: 1,
      sql: """
        ALTER TABLE documents ADD COLUMN used INTEGER;
        ALTER TABLE documents ADD COLUMN sealed BLOB;
        ALTER TABLE documents ADD COLUMN prompt_tokens INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE documents ADD COLUMN response_tokens INTEGER NOT NULL DEFAULT 0;
        UPDATE documents
        SET prompt_tokens = length(prompt_ids) / 4, response_tokens = length(response_ids) / 4;
        CREATE TABLE encryption (
          id          INTEGER PRIMARY KEY CHECK (id = 1),
          cipher      TEXT NOT NULL,
          wrapped_key BLOB NOT NULL,
          created     INTEGER NOT NULL,
          rotated     INTEGER
        ) STRICT;
        CREATE TABLE lookups (
          day    INTEGER NOT NULL,
          stream INTEGER NOT NULL REFERENCES streams(id),
          hits   INTEGER NOT NULL DEFAULT 0,
          misses INTEGER NOT NULL DEFAULT 0,
          tokens INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY (day, stream)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE settings (
          name  TEXT PRIMARY KEY,
          value INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """),
    // Token ids may have 2 bytes each from here on; those that have 4 stay as they are.
    Migration(from: 2) { db, _ in
      try compressTokenizers(db)
      try db.execute(
        sql: """
          CREATE TABLE codecs (
            id              INTEGER PRIMARY KEY,
            identity        TEXT NOT NULL UNIQUE,
            allowance       REAL NOT NULL,
            fitted_tokens   INTEGER NOT NULL,
            held_out_tokens INTEGER NOT NULL,
            added           REAL NOT NULL,
            bound           REAL NOT NULL,
            divergence      REAL NOT NULL,
            fit             BLOB NOT NULL,
            created         INTEGER NOT NULL,
            checksum        BLOB NOT NULL
          ) STRICT;
          """)
    },
    Migration(from: 4) { db, file in
      try DocumentMigration(file, db).run(db)
    },
  ]

  private static func compressTokenizers(_ db: Database) throws {
    for source in try Int64.fetchAll(db, sql: "SELECT id FROM sources") {
      let tokenizer = try Data.fetchOne(
        db, sql: "SELECT tokenizer FROM sources WHERE id = ?", arguments: [source])
      try db.execute(
        sql: "UPDATE sources SET tokenizer = ? WHERE id = ?",
        arguments: [try TokenizerFrame.compress(Array(tokenizer ?? Data())), source])
    }
  }

  /// Takes a cache from an older version to that of the last step. Runs in the transaction that the
  /// caller has begun, so that a failure at any step leaves the cache as it was.
  package static func migrate(
    _ db: Database, _ file: MigratedFile, from found: Int, steps: [Migration]
  ) throws {
    for step in steps where step.from >= found {
      try step.apply(db, file)
      try db.execute(sql: "PRAGMA user_version = \(step.from + 1)")
    }
  }

  /// Takes a cache to this program's version, views included: all of it, or nothing.
  ///
  /// - Throws: `keyNeeded` and `wrongKey`, where rows are sealed.
  static func migrate(_ queue: DatabaseQueue, _ file: MigratedFile) throws {
    try queue.writeWithoutTransaction { db in
      // Tables that others refer to are made anew.
      try db.execute(sql: "PRAGMA foreign_keys = OFF")
      defer { try? db.execute(sql: "PRAGMA foreign_keys = ON") }
      try db.inTransaction(.immediate) {
        let found = try requireCache(db, path: file.path)
        try migrate(db, file, from: found, steps: migrations)
        try refreshViews(db)
        return .commit
      }
    }
  }
}
