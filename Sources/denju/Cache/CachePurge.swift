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
  @Option(
    help: "Documents stored longer ago than this: 90m, 12h, 30d.",
    transform: { try Age(parsing: $0) })
  var olderThan: Age?
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
      report = try cache.purge(try documents(of: cache))
    }
    Terminal.message(
      "\(cache.path): \(report.documents) documents and \(report.records) records gone, "
        + "\(ProgressBar.bytes(report.bytes)) of states")
  }

  private func documents(of cache: FeatureCache) throws -> [DocumentID] {
    let here = stream != nil
    let numbers = Set(document)
    let known = Set(try cache.documentIDs(withStatesHere: here).map(\.number))
    if let missing = numbers.subtracting(known).min() {
      throw ValidationError(
        "the cache has no document \(missing): `denju cache stats --view documents` lists them")
    }
    let limit = olderThan.map { Int(Date.now.timeIntervalSince1970) - $0.seconds }
    let chosen = try cache.documentIDs(split, storedBefore: limit, withStatesHere: here)
    return numbers.isEmpty ? chosen : chosen.filter { numbers.contains($0.number) }
  }
}

/// A span of time as people write it: a whole number and m, h or d.
struct Age {
  let seconds: Int

  init(parsing text: String) throws {
    let units: [Character: Int] = ["m": 60, "h": 3600, "d": 86_400]
    guard let last = text.last, let unit = units[last], let count = Int(text.dropLast()),
      count >= 1
    else { throw ValidationError("an age is a whole number, 1 at least, and m, h or d") }
    let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
    if overflow { throw ValidationError("an age of \(text) is before all time") }
    self.seconds = seconds
  }
}
