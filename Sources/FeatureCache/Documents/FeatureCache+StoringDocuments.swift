import Foundation
import GRDB
import Identity

/// Which rows a document goes into, and what becomes of those that are it already.
extension FeatureCache {
  /// Stores a document whose records are here, and notes that this stream has its states.
  func putDocument(
    _ db: Database, _ entry: CacheEntry, run: RunID?, _ report: inout PutReport
  ) throws {
    let ids = entry.document.ids(entry.coverage)
    var tail: Int64?
    if let last = Array(chain(ids)).last { tail = try recordID(db, last.key) }
    guard let tail else {
      throw CacheError.invalid(
        "\(entry.document.place) has no states of its \(ids.count) tokens to be stored with")
    }
    let known = try unite(db, entry.document)
    let id = try known ?? insert(db, entry.document, run: run)
    let hadChain = try hasChain(db, id, entry.coverage)
    if known == nil {
      report.stored += 1
    } else if try move(db, id, to: entry.document.split) {
      report.moved += 1
    } else if hadChain {
      report.present += 1
    } else {
      report.extended += 1
    }
    try putEncoding(db, entry.document, of: id)
    try putMembers(db, entry, of: id, run: run)
    if hadChain { return }
    let statement = try db.cachedStatement(
      sql: "INSERT INTO chains (document, stream, coverage, tokens, tail) VALUES (?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      id.number, streamID, entry.coverage.rawValue, ids.count, tail,
    ])
  }

  private func hasChain(_ db: Database, _ id: DocumentID, _ coverage: Coverage) throws -> Bool {
    let statement = try db.cachedStatement(
      sql: "SELECT 1 FROM chains WHERE document = ? AND stream = ? AND coverage = ?")
    return try Int.fetchOne(statement, arguments: [id.number, streamID, coverage.rawValue]) != nil
  }

  // MARK: Which document it is

  /// The document that `document` is: the one that was given so, or, where of one of the two only the rendering is
  /// known, the one that this stream's source reads as the same text.
  func documentID(_ db: Database, of document: CacheDocument) throws -> DocumentID? {
    if let id = try file.documents.id(given: document.givenKey, db) { return id }
    let candidates = try file.documents.ids(
      read: document.key, by: sourceID, form: document.form == .rendered ? nil : .rendered, db)
    // Text that spells a template's marks is read as other tokens than what the template writes.
    return try candidates.first { id in try readsAlike(db, id, document) } ?? candidates.first
  }

  /// The source reads the same tokens of a document here, or none yet.
  func readsAlike(_ db: Database, _ id: DocumentID, _ document: CacheDocument) throws -> Bool {
    guard let encoding = try file.documents.encoding(db, id, by: reader) else { return true }
    return encoding.promptIDs == document.promptIDs
      && encoding.responseIDs == document.responseIDs
  }

  /// The document that `document` is, after what is known of it only as rendered has taken its form: no text is here
  /// twice, once as a cache of before had it and once as its corpus gave it.
  ///
  /// - Throws: `conflict` when the source reads other tokens here.
  private func unite(_ db: Database, _ document: CacheDocument) throws -> DocumentID? {
    guard let id = try documentID(db, of: document) else { return nil }
    try requireAlike(db, id, document)
    guard document.form != .rendered else { return id }
    let rendered = try file.documents.ids(
      read: document.key, by: sourceID, form: .rendered, db)
    for other in rendered where try readsAlike(db, other, document) {
      if other == id {
        try file.documents.give(db, id, document.form, document.given)
      } else {
        var removed = PurgeReport()
        for tail in try file.documents.absorb(db, other, into: id) {
          try removeUnused(db, from: tail, &removed)
        }
      }
    }
    return id
  }

  private func requireAlike(
    _ db: Database, _ id: DocumentID, _ document: CacheDocument
  ) throws {
    guard try !readsAlike(db, id, document) else { return }
    let stored = try self.document(db, id)?.place ?? document.place
    throw CacheError.conflict(
      path: path, item: "\(id) (\(stored))",
      reason:
        "\(document.place) has the same text as other token ids; purge it, or use the options it was made with"
    )
  }

  // MARK: Its rows

  private func insert(_ db: Database, _ document: CacheDocument, run: RunID?) throws -> DocumentID {
    try file.documents.insert(
      db,
      DocumentRows.Document(
        form: document.form, split: document.split, prompt: document.given,
        response: document.response),
      DocumentRows.Origin(run: run?.number, created: unixTime(), used: nil))
  }

  private func putEncoding(_ db: Database, _ document: CacheDocument, of id: DocumentID) throws {
    let rows = file.documents
    guard try rows.encoding(db, id, by: reader) == nil else { return }
    let given = try rows.document(db, id)?.prompt
    try rows.put(
      db,
      DocumentRows.Encoding(
        key: rows.stored(document.key), prompt: document.prompt == given ? nil : document.prompt,
        promptIDs: document.promptIDs, responseIDs: document.responseIDs),
      of: id, by: reader)
  }

  /// Puts a document that is here into another set; true when it was in one. A prompt asked in generation never leaves
  /// the set it was put in for training.
  private func move(
    _ db: Database, _ id: DocumentID, to split: DocumentSplit
  ) throws -> Bool {
    guard split != .asked, var document = try file.documents.document(db, id),
      document.split != split
    else { return false }
    document.split = split
    try file.documents.update(db, id, to: document)
    return true
  }

  private func putMembers(
    _ db: Database, _ entry: CacheEntry, of id: DocumentID, run: RunID?
  ) throws {
    let rows = file.documents
    guard let document = try rows.document(db, id) else { return }
    guard let members = entry.members else {
      let here = CorpusMember(
        corpus: entry.document.corpus, split: entry.document.split, line: entry.document.line,
        seen: run)
      return try rows.put(db, here, of: id, document, now: true)
    }
    for member in members { try rows.put(db, member, of: id, document, now: false) }
    try rows.keepInASet(db, id, document)
  }
}
