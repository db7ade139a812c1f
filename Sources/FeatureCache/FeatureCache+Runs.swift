import Foundation
import GRDB

/// Names a run within one cache file.
public struct RunID: Hashable, Sendable {
  let number: Int64
}

/// What a run has done so far.
public struct RunProgress: Equatable, Sendable {
  /// Handled.
  public var documents = 0
  /// Run through the source.
  public var tokens = 0
  /// Of payload added.
  public var bytes = 0
  /// Of work.
  public var seconds = 0.0
  /// Counts by outcome, as "stored" or "skipped: empty prompt".
  public var outcomes: [String: Int] = [:]
  /// What else was measured, noted beside the outcomes: "file bytes", "idle share".
  public var measures: [String: Double] = [:]

  public init() {}
}

extension FeatureCache {
  public enum RunKind: String, Sendable {
    case precompute, `import`
  }

  public enum RunStatus: String, Sendable {
    case running, finished, interrupted, failed
  }

  /// Notes that a run begins.
  ///
  /// - Parameters:
  ///   - kind: what it does.
  ///   - plan: JSON: what it sets out to do.
  ///   - options: JSON: the command line's.
  ///   - passes: what it reads of which corpora. They are completed when it is finished.
  public func beginRun(
    _ kind: RunKind, plan: String = "{}", options: String = "{}", seed: UInt64? = nil,
    passes: [CorpusPass] = []
  ) throws(CacheError) -> RunID {
    try write("note a run") { db in
      try db.execute(
        sql: """
          INSERT INTO runs (name, kind, status, started, seed, plan, options, outcomes)
          VALUES (?, ?, 'running', ?, ?, ?, ?, '{}')
          """,
        arguments: [
          UUID().uuidString.lowercased(), kind.rawValue, unixTime(), seed.map { String($0) }, plan,
          options,
        ])
      let run = RunID(number: db.lastInsertedRowID)
      for pass in passes {
        try db.execute(
          sql: """
            INSERT INTO passes (run, corpus, split, part, parts, completed)
            VALUES (?, CAST(? AS TEXT), ?, ?, ?, 0)
            """,
          arguments: [
            run.number, Data(pass.corpus.utf8), pass.split.rawValue, pass.part, pass.parts,
          ])
      }
      return run
    }
  }

  /// Notes what a run has done in all, and how it stands. Every status but `running` ends it.
  public func note(_ run: RunID, _ progress: RunProgress, _ status: RunStatus = .running)
    throws(CacheError)
  {
    try write("note a run") { db in try note(db, run, progress, status) }
  }

  func note(_ db: Database, _ run: RunID, _ progress: RunProgress, _ status: RunStatus) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let outcomes = String(
      decoding: try encoder.encode(
        progress.measures.merging(progress.outcomes.mapValues(Double.init)) { $1 }), as: UTF8.self)
    try db.execute(
      sql: """
        UPDATE runs SET status = ?, ended = ?, seconds = ?, documents = ?, tokens = ?, bytes = ?, outcomes = ?
        WHERE id = ?
        """,
      arguments: [
        status.rawValue, status == .running ? nil : unixTime(), progress.seconds,
        progress.documents,
        progress.tokens, progress.bytes, outcomes, run.number,
      ])
    guard status == .finished else { return }
    try db.execute(sql: "UPDATE passes SET completed = 1 WHERE run = ?", arguments: [run.number])
  }

  /// A writer that holds the lock knows that no other run is alive, whatever the rows say.
  static func markInterruptedRuns(_ file: CacheFile) throws(CacheError) {
    try file.write("note a run") { db in
      try db.execute(sql: "UPDATE runs SET status = 'interrupted' WHERE status = 'running'")
    }
  }
}
