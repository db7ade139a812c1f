import FeatureCache
import Numerics

/// A document as it is in each of the streams that are probed.
package struct ProbeRow: Sendable {
  /// The document's number and token ids in a stream's source.
  package struct Place: Sendable {
    package let document: DocumentID
    package let promptIDs: [Int32]
    package let firstOfResponse: Int32?
  }

  package let response: [UInt8]
  /// A place a stream.
  package let places: [Place]
}

/// The rows of a set that every stream has prompts' states for, in the first stream's order.
///
/// All read-outs see the same rows, or their figures could not be compared.
package struct ProbeSet: Sendable {
  package let split: DocumentSplit
  package let rows: [ProbeRow]
  /// Rows that one of the streams lacks, or has no prompt's states for.
  package let lacking: Int

  package init(
    _ streams: [FeatureCache], _ split: DocumentSplit, limit: Int, seed: UInt64
  ) throws {
    let found = try streams.map { try Self.places($0, split) }
    let cache = streams.first?.path ?? ""
    let keys = Set(found.joined().map(\.key))
    let hasDocuments = try streams.contains { try !$0.documents(split).isEmpty }
    guard hasDocuments else {
      throw ProbingError.noDocuments(cache: cache, split: split.rawValue)
    }
    for (stream, places) in zip(streams, found) where places.isEmpty {
      throw ProbingError.noPromptStates(
        cache: cache, stream: stream.number, split: split.rawValue)
    }
    let tables = found.map { places in
      Dictionary(places.map { ($0.key, $0.place) }, uniquingKeysWith: { first, _ in first })
    }
    let rows = (found.first ?? []).compactMap { item -> ProbeRow? in
      let places = tables.compactMap { $0[item.key] }
      return places.count == tables.count
        ? ProbeRow(response: item.response, places: places) : nil
    }
    guard !rows.isEmpty else {
      throw ProbingError.nothingShared(
        cache: cache, streams: streams.map(\.number), split: split.rawValue)
    }
    self.split = split
    lacking = keys.count - rows.count
    self.rows = Self.drawn(rows, limit: limit, seed: seed)
  }

  private struct Found {
    let key: DocumentKey
    let response: [UInt8]
    let place: ProbeRow.Place
  }

  private static func places(_ stream: FeatureCache, _ split: DocumentSplit) throws -> [Found] {
    try stream.documents(split).filter { $0.promptStates > 0 }.map { entry in
      let document = try stream.document(entry.id)
      return Found(
        key: document.key, response: document.response,
        place: ProbeRow.Place(
          document: entry.id, promptIDs: document.promptIDs,
          firstOfResponse: document.responseIDs.first))
    }
  }

  private static func drawn(_ rows: [ProbeRow], limit: Int, seed: UInt64) -> [ProbeRow] {
    guard rows.count > limit else { return rows }
    var generator = SeededGenerator(seed: seed)
    var order = Array(rows.indices)
    generator.shuffle(&order)
    return order.prefix(limit).sorted().map { rows[$0] }
  }
}
