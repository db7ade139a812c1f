import ArgumentParser
import FeatureCache

struct CacheCompact: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact", abstract: "Rewrite the file without free space.")

  @Argument(help: "The cache.") var cache: String

  func run() throws {
    let cache = try FeatureCache.open(cache, .write, stream: .first)
    let before = try cache.fileBytes()
    try cache.compact()
    let after = try cache.fileBytes()
    try cache.close()
    Terminal.message(
      "\(cache.path): \(ProgressBar.bytes(before)) before, \(ProgressBar.bytes(after)) now")
  }
}
