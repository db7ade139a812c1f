import Foundation
import GRDB

/// Two rows that turn out to be one document, or one that turns out to have been given in another form.
extension DocumentRows {
  /// Gives a document that was known only as a source reads it the form that its corpus gives it. What its sources read
  /// stays as it is.
  func give(
    _ db: Database, _ id: DocumentID, _ form: DocumentForm, _ prompt: [UInt8]
  ) throws {
    guard var document = try document(db, id) else { return }
    let members = try members(db, id, of: document)
    for reader in try readers(db, of: id) {
      guard let read = try encoding(db, id, by: reader) else { continue }
      let kept = read.unchanged(from: document.prompt, to: prompt)
      if kept != read { try put(db, kept, of: id, by: reader) }
    }
    document.form = form
    document.prompt = prompt
    try update(db, id, to: document)
    for member in members { try write(db, member, of: id, key: stored(document.key)) }
  }

  /// Makes one document of two that are the same: what sources read, the states of that, and corpora of the one go to
  /// the other, as far as that has none, and its row goes.
  ///
  /// - Returns: the last records of the states that did not go to the other, since that has some of its own or is read
  ///   as other tokens. Nothing may need them any more.
  func absorb(_ db: Database, _ id: DocumentID, into other: DocumentID) throws -> [Int64] {
    guard let from = try document(db, id), let into = try document(db, other) else { return [] }
    for reader in try readers(db, of: id) {
      guard let read = try encoding(db, id, by: reader) else { continue }
      if let own = try encoding(db, other, by: reader) {
        // States are of tokens: those of others would not be this reading's.
        guard own.promptIDs == read.promptIDs, own.responseIDs == read.responseIDs else { continue }
      } else {
        try put(db, read.unchanged(from: from.prompt, to: into.prompt), of: other, by: reader)
      }
      try db.execute(
        sql: """
          UPDATE OR IGNORE chains SET document = ? WHERE document = ?
          AND stream IN (SELECT id FROM streams WHERE source = ?)
          """, arguments: [other.number, id.number, reader.source])
    }
    let left = try Int64.fetchAll(
      db, sql: "SELECT tail FROM chains WHERE document = ?", arguments: [id.number])
    for member in try members(db, id, of: from) {
      try put(db, member, of: other, into, now: false)
    }
    try db.execute(
      sql: """
        UPDATE documents SET used = (SELECT max(used) FROM documents WHERE id IN (:id, :other))
        WHERE id = :other
        """, arguments: ["id": id.number, "other": other.number])
    try remove(db, id)
    if into.split == .asked, from.split != .asked {
      var moved = into
      moved.split = from.split
      try update(db, other, to: moved)
    }
    if let document = try document(db, other) { try keepInASet(db, other, document) }
    return left
  }

  /// Where no corpus has a document in its set any more, as corpora moved it each in another cache, puts it in the one
  /// that the last run found.
  func keepInASet(_ db: Database, _ id: DocumentID, _ document: Document) throws {
    let members = try members(db, id, of: document)
    guard !members.contains(where: { $0.split == document.split }),
      let last = try members.max(by: { try precedes(db, $0.seen, $1.seen) })
    else { return }
    var moved = document
    moved.split = last.split
    try update(db, id, to: moved)
  }
}

extension DocumentRows.Encoding {
  /// The same reading beside a prompt that is given otherwise.
  fileprivate func unchanged(from old: [UInt8], to new: [UInt8]) -> Self {
    var reading = self
    let text = prompt ?? old
    reading.prompt = text == new ? nil : text
    return reading
  }
}
