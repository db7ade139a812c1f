import ArgumentParser
import FeatureCache
import Foundation
import Precompute

struct CacheMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Take other caches into the first.",
    discussion: """
      Of shards that several machines made with `precompute --shard`, one cache: the same as one run \
      would have made. What both have is kept once; other states of the same tokens are refused.
      """)

  @Argument(help: "The cache to merge into; made when it is not there.") var cache: String
  @Argument(help: "The caches to take in.") var others: [String]
  @Flag(help: "Take in streams that the cache does not have, as of other sources, beside its own.")
  var beside = false
  @Flag(help: "Encrypt the cache to merge into, where it is new.") var encrypt = false

  func validate() throws {
    guard !others.isEmpty else { throw ValidationError("name at least one cache to take in") }
  }

  func run() throws {
    let isNew = FeatureCache.isBlank(cache)
    // A cache that is not there is known before the first one is taken in.
    for path in others { try FeatureCache.open(path, stream: .first).close() }
    let cache = try target(isNew)
    defer { try? cache.close() }
    do {
      for path in others { try check(path, against: cache) }
      for path in others { try merge(path, into: cache) }
    } catch {
      if isNew, try !cache.hasRecords() { try cache.discard() }
      throw error
    }
  }

  /// Throws where the cache at `path` has states that the other is not to have.
  private func check(_ path: String, against cache: FeatureCache) throws {
    let other = try FeatureCache.open(path, stream: .first)
    defer { try? other.close() }
    do throws(CacheError) {
      try cache.requireMergeable(other, beside: beside)
    } catch {
      throw PrecomputeError.offeringBeside(error)
    }
  }

  private func merge(_ path: String, into cache: FeatureCache) throws {
    let other = try FeatureCache.open(path, stream: .first)
    defer { try? other.close() }
    let report: PutReport
    do throws(CacheError) {
      report = try cache.merge(other, beside: beside)
    } catch {
      throw PrecomputeError.offeringBeside(error)
    }
    Terminal.message("\(path): \(report.stored) documents and \(report.records) records were new")
  }

  private func target(_ isNew: Bool) throws -> FeatureCache {
    if !encrypt, !isNew {
      return try FeatureCache.open(cache, .write, stream: .first)
    }
    let first = try FeatureCache.open(others[0], stream: .first)
    defer { try? first.close() }
    // A new cache has the first one's streams.
    for stream in try first.streams() {
      try FeatureCache.create(
        cache, identity: stream.identity, source: stream.source, codec: stream.codec,
        chunkTokens: stream.chunkTokens, beside: isNew, encrypted: encrypt
      ).close()
    }
    return try FeatureCache.open(cache, .write, stream: .first)
  }
}
