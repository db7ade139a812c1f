import FeatureCache
import Identity
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
    let cache = streams.first?.path ?? ""
    guard try streams.contains(where: { try !$0.documents(split).isEmpty }) else {
      throw ProbingError.noDocuments(cache: cache, split: split.rawValue)
    }
    let shared = try FeatureCache.shared(by: streams, split, .prompt)
    for (stream, lacking) in zip(streams, shared.lacking) where lacking == shared.total {
      throw ProbingError.noPromptStates(
        cache: cache, stream: stream.number, split: split.rawValue)
    }
    guard !shared.ids.isEmpty else {
      throw ProbingError.nothingShared(
        cache: cache, streams: streams.map(\.number), split: split.rawValue)
    }
    self.split = split
    lacking = shared.partial
    rows = try Self.drawn(shared.ids, limit: limit, seed: seed).map { id in
      let documents = try streams.map { try $0.document(id) }
      return ProbeRow(
        response: documents.first?.response ?? [],
        places: documents.map {
          ProbeRow.Place(
            document: id, promptIDs: $0.promptIDs, firstOfResponse: $0.responseIDs.first)
        })
    }
  }

  private static func drawn(
    _ rows: [DocumentID], limit: Int, seed: UInt64
  ) -> [DocumentID] {
    guard rows.count > limit else { return rows }
    var generator = SeededGenerator(seed: seed)
    var order = Array(rows.indices)
    generator.shuffle(&order)
    return order.prefix(limit).sorted().map { rows[$0] }
  }
}
