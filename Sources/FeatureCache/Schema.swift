import Foundation
import GRDB
import Identity

/// The tables and views of a cache: the text of `Schemas/cache.sql`, built into the program.
public enum Schema {
  /// What SQLite's `application_id` says in a cache: "Dnju".
  public static let applicationID = 0x446E_6A75

  /// What `user_version` says in a cache this program makes, unless it holds states of whole documents.
  public static let version = 3

  /// What it says in one that does. The tables are the same; but a program of before would take such states for
  /// causal ones, and refuses a file of a version that it doesn't know.
  public static let documentVersion = 4

  /// The schema's text, in version `version`.
  public static let text = String(decoding: PackageResources.cache_sql, as: UTF8.self)

  /// A step from a version of the schema to the next.
  package struct Migration: Sendable {
    let from: Int
    let apply: @Sendable (Database) throws -> Void

    init(from: Int, apply: @escaping @Sendable (Database) throws -> Void) {
      self.from = from
      self.apply = apply
    }

    package init(from: Int, sql: String) {
      self.init(from: from) { db in try db.execute(sql: sql) }
    }
  }

  /// One step for every version before `version`, in order.
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
    Migration(from: 2) { db in
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

  /// What a file says it is, before anything of it is believed.
  struct Marks {
    let applicationID: Int
    let version: Int
    let tables: Int

    var isBlank: Bool { applicationID == 0 && version == 0 && tables == 0 }
  }

  static func marks(_ db: Database) throws -> Marks {
    Marks(
      applicationID: try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0,
      version: try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
      tables: try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0)
  }

  /// Throws unless the file is a cache that this program understands; returns its version.
  static func requireCache(_ db: Database, path: String) throws -> Int {
    let marks = try marks(db)
    guard marks.applicationID == applicationID else {
      throw CacheError.notACache(
        path: path,
        found: marks.isBlank ? "an empty file" : "an SQLite file of another program")
    }
    guard marks.version <= documentVersion else {
      throw CacheError.newerSchema(
        path: path, found: marks.version, supported: documentVersion)
    }
    guard marks.version >= 1 else {
      throw CacheError.damaged(
        path: path, item: "the schema", reason: "its version is \(marks.version)")
    }
    return marks.version
  }

  /// Runs the schema's text in the transaction that the caller has begun.
  static func create(_ db: Database) throws {
    try db.execute(sql: text)
  }

  /// Makes `user_version` that of the streams that are here, in the transaction that changes them.
  static func markVersion(_ db: Database) throws {
    let version = try holdsDocumentStates(db) ? documentVersion : version
    try db.execute(sql: "PRAGMA user_version = \(version)")
  }

  /// Some stream's states depend on their whole documents.
  static func holdsDocumentStates(_ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM streams WHERE kind = ?)",
      arguments: [StateScope.document.kind]) ?? false
  }

  /// Makes the views those of this program where a cache has others: they are derived from the tables,
  /// so a view that says more needs no new version, and a program that knows the tables but not the view
  /// reads on. A reader takes the views that it finds.
  static func refreshViews(_ db: Database) throws {
    let views = "SELECT name, sql FROM sqlite_schema WHERE type = 'view'"
    let current = try DatabaseQueue().write { new in
      try create(new)
      return try Row.fetchAll(new, sql: views).map { (name: $0[0] as String, sql: $0[1] as String) }
    }
    let found = try Row.fetchAll(db, sql: views).reduce(into: [String: String]()) {
      $0[$1[0]] = $1[1]
    }
    for view in current where found[view.name] != view.sql {
      try db.execute(sql: "DROP VIEW IF EXISTS \(view.name); \(view.sql)")
    }
  }

  /// Takes a cache from an older version to that of the last step. Runs in the transaction that the
  /// caller has begun, so that a failure at any step leaves the cache as it was.
  package static func migrate(_ db: Database, from found: Int, steps: [Migration]) throws {
    for step in steps where step.from >= found {
      try step.apply(db)
      try db.execute(sql: "PRAGMA user_version = \(step.from + 1)")
    }
  }
}
