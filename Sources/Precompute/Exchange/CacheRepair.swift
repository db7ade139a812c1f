import Architectures
import FeatureCache
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// Computes again, through the source, the states that `FeatureCache.verify` found damaged.
public struct CacheRepair {
  private let cache: FeatureCache
  private let source: OpenedSource

  /// - Throws: the cache's identity error when `source` is another model than the cache's.
  public init(_ cache: FeatureCache, source path: String) throws {
    let folder = try ModelFolder.open(path)
    let differences = cache.identity.differences(
      fromWeights: try folder.catalogue().sha256(),
      architecture: try folder.architecture().identityJSON,
      tokenizer: try Tokenizer.load(folder).fingerprint)
    guard differences.isEmpty else {
      throw CacheError.identityMismatch(path: cache.path, differences: differences)
    }
    self.cache = cache
    guard let precision = Precision(rawValue: cache.identity.precision) else {
      throw PrecomputeError.unknownPrecision(path: cache.path, found: cache.identity.precision)
    }
    source = try OpenedSource(
      folder, precision: precision,
      layers: [StateLayer(cache.identity.layer, normalized: cache.identity.normalized)])
  }

  /// Of payload that is stored together: what a kill may lose.
  private static let batchBytes = 16 << 20

  /// Mends what can be: states of documents that are themselves sound.
  /// - Returns: how many documents' states were computed again.
  public func mend(_ damage: [CacheDamage]) throws -> Int {
    var rest = damage[...]
    var mended = 0
    try cache.mend {
      var (batch, bytes) = ([CacheEntry](), 0)
      while bytes < Self.batchBytes, let item = rest.popFirst()?.item {
        guard case .states(let id, let coverage) = item else { continue }
        let entry = try computed(id, coverage)
        bytes += entry.records.reduce(0) { $0 + $1.byteCount }
        batch.append(entry)
      }
      mended += batch.count
      return batch
    }
    return mended
  }

  /// A document with its states, computed anew.
  private func computed(_ id: DocumentID, _ coverage: Coverage) throws -> CacheEntry {
    let document = try cache.document(id)
    let ids = document.ids(coverage)
    let states = FloatBuffer(count: ids.count * cache.width)
    try source.states(ids, into: [states.base])
    let records = try cache.records(of: ids, states: states.base, place: document.place)
    return CacheEntry(document: document, coverage: coverage, records: records)
  }
}
