import Foundation
import GRDB

extension DocumentRows {
  /// Which corpora have a document, by name; each row's checksum verified.
  func members(
    _ db: Database, _ id: DocumentID, of document: Document
  ) throws -> [CorpusMember] {
    let statement = try db.cachedStatement(
      sql: """
        SELECT CAST(corpus AS BLOB), split, line, seen, checksum FROM members WHERE document = ?
        ORDER BY corpus
        """)
    let key = stored(document.key)
    return try Row.fetchAll(statement, arguments: [id.number]).map { row in
      var reader = RowReader(row, path: path, item: "\(id)")
      let corpus = String(decoding: try reader.data(), as: UTF8.self)
      let split = try self.split(try reader.text())
      let line = try reader.integer()
      let seen = try reader.optionalInteger()
      let member = CorpusMember(
        corpus: corpus, split: split, line: line,
        seen: seen.map { RunID(number: Int64($0)) })
      guard member.checksum(of: key, cipher) == (try reader.bytes()) else {
        throw CacheError.damaged(
          path: path, item: "\(id)", reason: "the checksum of its place in \(corpus) differs")
      }
      return member
    }
  }

  /// Where the first corpus, by name, has a document in the set that it is in.
  func place(
    _ db: Database, _ id: DocumentID, of document: Document
  ) throws -> CorpusMember {
    let members = try members(db, id, of: document)
    guard let first = members.first(where: { $0.split == document.split }) else {
      throw CacheError.damaged(path: path, item: "\(id)", reason: "no corpus has it in its set")
    }
    return first
  }

  /// Notes that a corpus has a document. One that a corpus has was not only asked.
  ///
  /// - Parameter now: it was found just now; else nothing is noted where a later run has found it there.
  func put(
    _ db: Database, _ member: CorpusMember, of id: DocumentID, _ document: Document, now: Bool
  ) throws {
    if member.split == .asked, document.split != .asked { return }
    if member.split != .asked {
      try db.cachedStatement(sql: "DELETE FROM members WHERE document = ? AND split = 'asked'")
        .execute(arguments: [id.number])
    }
    let before = try members(db, id, of: document).first {
      $0.corpus.utf8.elementsEqual(member.corpus.utf8)
    }
    var updated = member
    if let before {
      if !now, try precedes(db, member.seen, before.seen) { return }
      updated = before.updated(by: member)
      if updated == before { return }
    }
    try write(db, updated, of: id, key: stored(document.key))
  }

  /// Adds a row, or makes the one of the corpus say this.
  ///
  /// - Parameter key: the document's, as rows have it.
  func write(
    _ db: Database, _ member: CorpusMember, of id: DocumentID, key: [UInt8]
  ) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO members (document, corpus, split, line, seen, checksum)
        VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      id.number, Data(member.corpus.utf8), member.split.rawValue, member.line, member.seen?.number,
      Data(member.checksum(of: key, cipher)),
    ])
  }

  /// A run began before another; one that is not known, before all.
  func precedes(_ db: Database, _ run: RunID?, _ other: RunID?) throws -> Bool {
    guard run != other, let other else { return false }
    guard let run else { return true }
    let statement = try db.cachedStatement(
      sql: """
        SELECT (a.started, a.id) < (b.started, b.id) FROM runs a JOIN runs b WHERE a.id = ? AND b.id = ?
        """)
    return try Bool.fetchOne(statement, arguments: [run.number, other.number]) ?? false
  }
}
