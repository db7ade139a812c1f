import ArgumentParser
import FeatureCache

struct CacheRotate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Change the key that an encrypted cache is opened with.",
    discussion: """
      The key until now is in DENJU_CACHE_KEY or DENJU_CACHE_KEY_FILE. Copies of the file that were made \
      before still open with it: `cache merge NEW OLD --encrypt` encrypts all content anew.
      """)

  @Argument(help: "The cache.") var cache: String
  @Option(help: "A file with the new key: 64 hexadecimal digits, as `openssl rand -hex 32` prints.")
  var newKeyFile: String

  func run() throws {
    let new = try CacheKey(file: newKeyFile)
    let cache = try FeatureCache.open(cache, .write, stream: .first)
    defer { try? cache.close() }
    try cache.changeKey(to: new)
    Terminal.message("\(cache.path): opens with the new key alone from now on")
  }
}
