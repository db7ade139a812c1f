import FeatureCache
import Foundation
import Identity

/// The cache that a run fills, or that a plan is made for: opened once, where it is begun, and else to be made.
struct TargetCache {
  private let options: PrecomputeOptions
  /// One of the file's streams, which the others share the file with; `nil` where there is no cache yet.
  private let opened: FeatureCache?

  /// Leaves the cache alone, as where nothing is known that could be asked of it.
  init(unopened options: PrecomputeOptions) {
    self.options = options
    opened = nil
  }

  /// Opens the cache as it is; one to be written is brought to this program's schema, and nobody else writes it
  /// until it is closed.
  init(_ options: PrecomputeOptions, _ access: FeatureCache.Access) throws(CacheError) {
    self.options = options
    opened = try Self.opened(options, access)
    // There may be an empty file, since somebody is making a cache just now.
    if opened == nil, access == .write, FileManager.default.fileExists(atPath: options.cache) {
      try FeatureCache.requireNoWriter(options.cache)
    }
  }

  private static func opened(
    _ options: PrecomputeOptions, _ access: FeatureCache.Access
  ) throws(CacheError) -> FeatureCache? {
    guard !FeatureCache.isBlank(options.cache) else { return nil }
    do throws(CacheError) {
      return try FeatureCache.open(
        options.cache, access, stream: .first, codecs: options.codecs)
    } catch .notACache where FeatureCache.isBlank(options.cache) {
      // Opening undid what one had begun who was killed as it made the tables.
      return nil
    }
  }

  /// Whether the cache is encrypted, or will be.
  var isEncrypted: Bool { opened?.isEncrypted ?? options.encrypt }

  /// What fits for this cache are salted with.
  func salt() throws(CacheError) -> [UInt8] {
    guard isEncrypted else { return TransformFit.noSalt }
    guard let key = try CacheKey.fromEnvironment() else {
      throw .keyNeeded(path: options.cache)
    }
    return key.codecSalt
  }

  /// The codec that was chosen, unless it is still to be fitted.
  func codec(of identity: CacheIdentity) throws(CacheError) -> (any StateCodec)? {
    let choice = options.codec
    guard choice.needsFit else {
      return try choice.family.codec(choice.description, parameters: nil)
    }
    return try opened?.codec(
      choice, of: identity, acceptOtherNumerics: options.acceptOtherNumerics)
  }

  /// What the cache has of these states, a stream each; `nil` where it has none, and may be given them.
  func streams(of identities: [CacheIdentity]) throws -> [FeatureCache?] {
    let mayAdd = try mayAdd(identities)
    return try identities.map { identity throws -> FeatureCache? in
      do throws(CacheError) {
        return try opened?.stream(identity, acceptOtherNumerics: options.acceptOtherNumerics)
      } catch {
        if mayAdd, case .identityMismatch = error { return nil }
        throw PrecomputeError.offeringBeside(error)
      }
    }
  }

  /// The streams that the run fills: those of the identities, added or made with their cache where there are none.
  ///
  /// - Parameter codecs: of each; `nil` is made by its name.
  func filled(
    _ identities: [CacheIdentity], source: CacheSource, codecs: [(any StateCodec)?]
  ) throws(CacheError) -> [FeatureCache] {
    var filled: [FeatureCache] = []
    var beside = try mayAdd(identities)
    for (identity, codec) in zip(identities, codecs) {
      if let file = opened ?? filled.first {
        filled.append(
          try file.stream(
            identity, source: source, codec: codec,
            acceptOtherNumerics: options.acceptOtherNumerics, beside: beside,
            encrypted: options.encrypt))
      } else {
        filled.append(
          try FeatureCache.create(
            options.cache, identity: identity, source: source, codec: codec,
            acceptOtherNumerics: options.acceptOtherNumerics, beside: options.beside,
            encrypted: options.encrypt, codecs: options.codecs))
        // The file is this run's own.
        beside = true
      }
    }
    return filled
  }

  /// Whether streams may be added to the cache: where that is asked, or where it has one of the same run's.
  private func mayAdd(_ identities: [CacheIdentity]) throws(CacheError) -> Bool {
    if options.beside { return true }
    for identity in identities {
      do throws(CacheError) {
        if try opened?.stream(identity, acceptOtherNumerics: options.acceptOtherNumerics) != nil {
          return true
        }
      } catch {
        guard case .identityMismatch = error else { throw error }
      }
    }
    return false
  }

  func close() {
    try? opened?.close()
  }
}
