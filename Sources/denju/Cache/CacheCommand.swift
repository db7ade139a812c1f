import ArgumentParser
import FeatureCache

/// What one does with a cache.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract:
      "Ask, check, export, import, compare, purge, merge, compact and limit a feature cache.",
    subcommands: [
      CacheStats.self, CacheVerify.self, CacheDigest.self, CacheCodecs.self, CacheExport.self,
      CacheImport.self, CacheDiff.self,
      CachePurge.self, CacheMerge.self, CacheCompact.self, CacheLimit.self,
      CacheRotate.self,
    ])
}

/// Which of a cache's streams is meant.
struct StreamArguments: ParsableArguments {
  @Option(help: "The stream, as cache_by_source numbers them, where the cache has several.")
  var stream: Int?

  init() {}

  var choice: FeatureCache.StreamChoice { stream.map { .number($0) } ?? .only }
}

extension DocumentSplit: ExpressibleByArgument {}
