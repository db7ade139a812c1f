import ArgumentParser
import FeatureCache

struct CacheDigest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digest",
    abstract:
      "Print a SHA-256 of what the cache holds: equal for equal content, however it came about.",
    discussion: "Runs, times, row numbers and the order of storing are left out.")

  @Argument(help: "The cache.") var cache: String

  func run() throws {
    let cache = try FeatureCache.open(cache, stream: .first)
    defer { try? cache.close() }
    Terminal.result(try cache.contentDigest())
  }
}
