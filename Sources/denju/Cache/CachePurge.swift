import ArgumentParser
import FeatureCache
import Foundation

struct CachePurge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge",
    abstract: "Delete documents and the states only they use; their bytes are gone afterwards.",
    discussion: """
      Several conditions name the documents that fulfil all of them; they go with their states in all \
      streams. --stream alone deletes all of a stream, as of a source that a newer one has replaced.
      """)

  @Argument(help: "The cache.") var cache: String
  @Option(help: "A document's number, as cache_documents shows it; may be given again.")
  var document: [Int64] = []
  @Option(help: "Documents of a set: train, validation, test or asked.") var split: DocumentSplit?
  @Option(help: "Documents stored longer ago than this: 90m, 12h, 30d.") var olderThan: Age?
  @Option(help: "Documents of a stream, as cache_by_source numbers them.") var stream: Int?

  func validate() throws {
    guard !document.isEmpty || split != nil || olderThan != nil || stream != nil else {
      throw ValidationError("name documents with --document, --split, --older-than or --stream")
    }
  }

  func run() throws {
    let choice = stream.map { FeatureCache.StreamChoice.number($0) } ?? .first
    let cache = try FeatureCache.open(cache, .write, stream: choice)
    defer { try? cache.close() }
    let report: PurgeReport
    if document.isEmpty, split == nil, olderThan == nil {
      report = try cache.purgeStream()
    } else {
      report = try cache.purge(try documents(of: stream == nil ? cache.streams() : [cache]))
    }
    Terminal.note(
      "\(cache.path): \(report.documents) documents and \(report.records) records gone, "
        + "\(ProgressBar.bytes(report.bytes)) of states")
  }

  private func documents(of streams: [FeatureCache]) throws -> [DocumentID] {
    let known = try streams.flatMap { try $0.documents() }
    let numbers = Set(document)
    if let missing = numbers.subtracting(known.map(\.id.number)).min() {
      throw ValidationError(
        "the cache has no document \(missing): `denju cache stats --view documents` lists them")
    }
    let limit = olderThan.map { Int(Date.now.timeIntervalSince1970) - $0.seconds }
    let chosen = known.filter { entry in
      (numbers.isEmpty || numbers.contains(entry.id.number))
        && (split == nil || entry.split == split) && (limit.map { entry.stored < $0 } ?? true)
    }
    // A document with states in two streams is listed twice.
    return Set(chosen.map(\.id)).sorted { $0.number < $1.number }
  }
}

/// A span of time as people write it: a whole number and m, h or d.
struct Age: ExpressibleByArgument {
  let seconds: Int

  init?(argument: String) {
    let units: [Character: Int] = ["m": 60, "h": 3600, "d": 86_400]
    guard let last = argument.last, let unit = units[last], let count = Int(argument.dropLast()),
      count >= 0
    else { return nil }
    let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
    if overflow { return nil }
    self.seconds = seconds
  }
}
