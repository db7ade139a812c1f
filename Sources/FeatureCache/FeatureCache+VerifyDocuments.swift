import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// What is wrong with a document, and with its states.
  ///
  /// - Parameters:
  ///   - sources: the streams of each source.
  ///   - readable: the numbers of those that can be decoded: of the others enough is said.
  func faultsOfDocument(
    _ id: DocumentID, in sources: [[FeatureCache]], readable: [Int64]
  ) -> [CacheDamage] {
    if let reason = faultOfRows(id) { return [CacheDamage(item: .document(id), reason: reason)] }
    var damage: [CacheDamage] = []
    var hasStates = false
    for streams in sources {
      do {
        for stream in streams {
          for coverage in try stream.coverages(of: id) {
            hasStates = true
            let ids = try stream.document(id).ids(coverage)
            if readable.contains(stream.streamID),
              let reason = stream.faultOfChain(id, ids, coverage)
            {
              damage.append(
                CacheDamage(stream: stream.number, item: .states(id, coverage), reason: reason))
            }
          }
        }
        if let reason = try streams.first?.faultOfReading(id) {
          damage.append(CacheDamage(item: .document(id), reason: reason))
        }
      } catch {
        return damage + [CacheDamage(item: .document(id), reason: Self.reason(error))]
      }
    }
    return hasStates
      ? damage : damage + [CacheDamage(item: .document(id), reason: "it has no states")]
  }

  /// What is wrong with the rows that say what was given and where: all but what sources read of it.
  private func faultOfRows(_ id: DocumentID) -> String? {
    do {
      return try read("check a document") { db in
        guard let document = try file.documents.document(db, id) else { return "it is gone" }
        _ = try file.documents.place(db, id, of: document)
        return try file.documents.id(given: document.key, db) == id
          ? nil : "its key is not in the index"
      }
    } catch {
      return Self.reason(error)
    }
  }

  /// What is wrong with what this stream's source reads of a document, of which it may read nothing.
  private func faultOfReading(_ id: DocumentID) throws(CacheError) -> String? {
    try read("check a document") { db in
      guard let document = try self.document(db, id) else { return nil }
      guard try file.documents.ids(read: document.key, by: sourceID, db).contains(id) else {
        return "the key of what \(source.name) reads of it is not in the index"
      }
      let hasStates = try Bool.fetchOne(
        db,
        sql: """
          SELECT EXISTS (
            SELECT 1 FROM chains c JOIN streams s ON s.id = c.stream WHERE c.document = ? AND s.source = ?)
          """, arguments: [id.number, sourceID])
      return hasStates == true ? nil : "it has no states of \(source.name)"
    }
  }

  private func coverages(of id: DocumentID) throws(CacheError) -> [Coverage] {
    try read("check a document") { db in
      try String.fetchAll(
        db, sql: "SELECT coverage FROM chains WHERE document = ? AND stream = ? ORDER BY coverage",
        arguments: [id.number, streamID]
      ).map { name in
        guard let coverage = Coverage(rawValue: name) else {
          throw CacheError.damaged(
            path: path, item: "\(id)", reason: "there is no coverage `\(name)`")
        }
        return coverage
      }
    }
  }

  private func faultOfChain(_ id: DocumentID, _ ids: [Int32], _ coverage: Coverage) -> String? {
    do {
      return try read("check a document") { db in
        let row = try Row.fetchOne(
          db,
          sql: "SELECT tokens, tail FROM chains WHERE document = ? AND stream = ? AND coverage = ?",
          arguments: [id.number, streamID, coverage.rawValue])
        guard let row else { return "its chain is gone" }
        var reader = RowReader(row, path: path, item: "\(id)")
        guard try reader.integer() == ids.count else {
          return "its chain has another count of tokens"
        }
        var last: Int64?
        for link in chain(ids) {
          guard let row = try recordID(db, link.key) else {
            return "record \(link.key) of tokens from \(link.range.lowerBound) is missing"
          }
          _ = try soundRecord(db, link.key, parent: link.parent)
          last = row
        }
        return try reader.integer() == last.map(Int.init) ? nil : "its chain ends in another record"
      }
    } catch {
      return Self.reason(error)
    }
  }
}
