import ArgumentParser
import FeatureCache

struct CacheLimit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limit",
    abstract: "Keep the file within so many bytes, by evicting what generation stored.",
    discussion: """
      Of the prompts in the set `asked`, those go whose states were not used for longest; what \
      `precompute` stored never does. The limit stays in the cache, for `serve` and `generate --store`.
      """)

  @Argument(help: "The cache.") var cache: String
  @Argument(help: "As 500MB or 20GB, or none; shown, when it is left out.") var size: ByteLimit?

  func run() throws {
    guard let size else {
      let cache = try FeatureCache.open(cache, stream: .first)
      defer { try? cache.close() }
      return Terminal.result(try cache.byteLimit().map(ProgressBar.bytes) ?? "none")
    }
    let cache = try FeatureCache.open(cache, .write, stream: .first)
    defer { try? cache.close() }
    let (report, fits) = try cache.setByteLimit(size.bytes)
    Terminal.message(
      "\(cache.path): \(report.documents) prompts evicted, \(ProgressBar.bytes(report.bytes)) of states"
    )
    if !fits {
      Terminal.message(
        "\(cache.path): what precompute stored is over the limit: generation will store nothing more"
      )
    }
  }
}

/// A size as people write it: a number and kB, MB, GB or TB; or none.
struct ByteLimit: ExpressibleByArgument {
  /// The most bytes that the file may have; `nil` where there is no limit.
  let bytes: Int?

  init?(argument: String) {
    if argument == "none" {
      bytes = nil
      return
    }
    let units = ["kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12]
    guard let unit = units[String(argument.suffix(2))], let count = Double(argument.dropLast(2)),
      count * unit >= 1, count * unit < 9e18
    else { return nil }
    bytes = Int(count * unit)
  }
}
