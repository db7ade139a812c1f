import ArgumentParser
import FeatureCache
import Precompute

struct CacheVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every checksum and every reference; with --repair, compute the damaged again.")

  @Argument(help: "The cache.") var cache: String
  @Flag(help: "Compute damaged states again, through the source.") var repair = false
  @Option(help: "The source, for --repair; where it was at precomputing, otherwise.")
  var source: String?

  func run() throws {
    let cache = try FeatureCache.open(cache, repair ? .write : .read, stream: .first)
    defer { try? cache.close() }
    let bar = ProgressBar("verify", unit: "rows")
    let damage = try cache.verify { bar.update($0, of: $1) }
    for item in damage { Terminal.result("\(item)") }
    if damage.isEmpty {
      Terminal.message("\(cache.path): sound")
      return
    }
    guard repair else {
      Terminal.message("\(cache.path): \(damage.count) damaged; --repair mends what can be")
      throw ExitCode.failure
    }
    var repaired = 0
    for stream in try cache.streams() {
      let own = damage.filter { $0.stream == stream.number }
      if own.isEmpty { continue }
      guard let repair = try repair(of: stream) else { continue }
      repaired += try repair.mend(own)
    }
    try cache.removeUnusedFits()
    let rest = try cache.verify()
    Terminal.message(
      "\(cache.path): \(repaired) documents' states computed again, \(rest.count) damages left")
    if !rest.isEmpty {
      for item in rest { Terminal.result("\(item)") }
      throw ExitCode.failure
    }
  }

  /// `nil` where the stream is another source's than the one given, or its own is not where it was.
  private func repair(of stream: FeatureCache) throws -> CacheRepair? {
    do {
      return try CacheRepair(stream, source: source ?? stream.source.path)
    } catch {
      guard source == nil || Self.isMismatch(error) else { throw error }
      Terminal.message(
        "stream \(stream.number) (\(stream.source.name)) is left as it is: \(Failure.line(error))")
      return nil
    }
  }

  private static func isMismatch(_ error: any Error) -> Bool {
    guard case CacheError.identityMismatch = error else { return false }
    return true
  }
}
