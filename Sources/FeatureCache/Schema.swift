import Foundation
import GRDB

/// The tables and views of a cache: the text of `Schemas/cache.sql`, built into the program.
public enum Schema {
  /// What SQLite's `application_id` says in a cache: "Dnju".
  public static let applicationID = 0x446E_6A75

  /// What `user_version` says in a cache this program makes.
  public static let version = 5

  /// The schema's text, in version `version`.
  public static let text = String(decoding: PackageResources.cache_sql, as: UTF8.self)

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
    guard marks.version <= version else {
      throw CacheError.newerSchema(path: path, found: marks.version, supported: version)
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
}
