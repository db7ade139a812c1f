import ArgumentParser
import FeatureCache
import Foundation
import Pipeline

struct CacheDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say how far the states of the same documents differ between two caches or streams.",
    discussion: """
      Of one cache, name two streams: --stream 1 --other-stream 2, as of a source and its next \
      version, or of two codecs.
      """)

  @Argument(help: "The cache.") var cache: String
  @Argument(help: "The other cache; the same one, when it is left out.") var other: String?
  @OptionGroup var stream: StreamArguments
  @Option(help: "The other cache's stream, where it has several.") var otherStream: Int?
  @Flag(help: "Print the result as a line of JSON.") var json = false

  struct Report: Codable {
    let sharedDocuments: Int
    let comparedDocuments: Int
    let onlyHere: Int
    let onlyThere: Int
    let tokens: Int
    let identicalTokens: Int
    let meanRelative: Double
    let largestRelative: Double
    let relative: Double
    let largest: Double
    let worstDocument: Int64?
  }

  func validate() throws {
    guard other != nil || (stream.options.stream != nil && otherStream != nil) else {
      throw ValidationError("name another cache, or --stream and --other-stream of this one")
    }
  }

  func run() throws {
    let here = try FeatureCache.open(cache, stream: stream.choice)
    defer { try? here.close() }
    let there = try FeatureCache.open(
      other ?? cache, stream: otherStream.map { .number($0) } ?? .only)
    defer { try? there.close() }
    let bar = ProgressBar("diff", unit: "documents")
    let found = try here.difference(from: there) { bar.update($0, of: $1) }
    if json { return try Terminal.json(Self.report(found)) }
    Terminal.facts([
      ("documents in both", "\(found.shared)"),
      ("compared", "\(found.compared) documents, \(found.tokens) tokens"),
      ("only in the first", "\(found.onlyHere)"), ("only in the second", "\(found.onlyThere)"),
      ("tokens with the same bits", "\(found.identical)"),
      ("relative difference", Self.text(found.relative)),
      ("mean of the tokens'", Self.text(found.meanRelative)),
      (
        "largest of a token",
        Self.text(found.largestRelative) + (found.worst.map { ", in \($0)" } ?? "")
      ),
      ("largest of a value", Self.text(found.largest)),
    ])
  }

  private static func text(_ value: Double) -> String { String(format: "%.4g", value) }

  private static func report(_ found: StateDifference) -> Report {
    Report(
      sharedDocuments: found.shared, comparedDocuments: found.compared, onlyHere: found.onlyHere,
      onlyThere: found.onlyThere, tokens: found.tokens, identicalTokens: found.identical,
      meanRelative: found.meanRelative, largestRelative: found.largestRelative,
      relative: found.relative, largest: found.largest, worstDocument: found.worst?.number)
  }
}
