import Identity

/// The documents of a set that several streams of a file have states of, as for training on all of them.
public struct SharedDocuments: Equatable, Sendable {
  /// Those that all have, in the order of corpus, line and what the first stream's source reads.
  public internal(set) var ids: [DocumentID] = []
  /// For each stream its entries of those, in their order.
  public internal(set) var entries: [[DocumentEntry]]
  /// For each stream the count of documents that others have and it has not.
  public internal(set) var lacking: [Int]
  /// Documents that only some of the streams have.
  public internal(set) var partial = 0

  /// Documents that any of the streams has.
  public var total: Int { ids.count + partial }
}

extension FeatureCache {
  /// The documents of a set that all of some streams of one file have states of, with counts of those that only some
  /// have.
  ///
  /// - Parameters:
  ///   - split: `nil`: of all sets.
  ///   - coverage: which states each must have.
  public static func shared(
    by streams: [FeatureCache], _ split: DocumentSplit?, _ coverage: Coverage
  ) throws(CacheError) -> SharedDocuments {
    var shared = SharedDocuments(
      entries: streams.map { _ in [] }, lacking: streams.map { _ in 0 })
    if let other = streams.first(where: { $0.path != streams.first?.path }) {
      throw .invalid("\(other.path) is another file: documents are shared by the streams of one")
    }
    var lists: [[DocumentEntry]] = []
    var counts: [DocumentID: Int] = [:]
    for stream in streams {
      let entries = try stream.documents(split).filter { $0.coverages.contains(coverage) }
      for entry in entries { counts[entry.id, default: 0] += 1 }
      lists.append(entries)
    }
    shared.partial = counts.values.count { $0 < streams.count }
    shared.lacking = lists.map { counts.count - $0.count }
    shared.ids = (lists.first ?? []).map(\.id).filter { counts[$0] == streams.count }
    shared.entries = lists.map { list in
      let byID = Dictionary(uniqueKeysWithValues: list.map { ($0.id, $0) })
      return shared.ids.compactMap { byID[$0] }
    }
    return shared
  }
}
