import ArgumentParser
import FeatureCache
import Pipeline

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

/// The flag that says which of a cache's streams is meant.
typealias StreamArguments = OptionArguments<StreamOptions>

extension StreamArguments {
  var choice: FeatureCache.StreamChoice { options.choice }
}

extension DocumentSplit: ExpressibleByArgument {}
