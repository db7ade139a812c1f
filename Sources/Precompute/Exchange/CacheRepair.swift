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

  /// Mends what can be: states of documents that are themselves sound.
  /// - Returns: how many documents' states were computed again.
  public func mend(_ damage: [CacheDamage]) throws -> Int {
    var mended = 0
    for item in damage {
      guard case .states(let id, let coverage) = item.item else { continue }
      let document = try cache.document(id)
      let ids = document.ids(coverage)
      let states = FloatBuffer(count: ids.count * cache.width)
      try source.states(ids, into: [states.base])
      let records = try cache.records(of: ids, states: states.base, place: document.place)
      try cache.mend([CacheEntry(document: document, coverage: coverage, records: records)])
      mended += 1
    }
    return mended
  }
}
