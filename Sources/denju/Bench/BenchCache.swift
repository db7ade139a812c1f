import ArgumentParser
import FeatureCache
import Foundation
import Identity
import Numerics

/// How fast the store is, and what it takes beside what is stored.
struct BenchCache: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Fill a cache with made-up records, and time opening it and reading from it.",
    discussion: """
      Payloads are random bytes of a given size, as a codec leaves them; documents share nothing. What \
      is read is verified and not decoded. The cache is made in a temporary folder and removed.
      """)

  @Option(help: "Records to store.") var records = 100_000
  @Option(help: "Tokens a record.") var chunk = 64
  @Option(help: "Tokens a document.") var documentTokens = 640
  @Option(help: "Bytes of payload a token.") var bytesPerToken = 180
  @Option(help: "Bytes of SQLite's pages; the cache's own choice otherwise.") var pageSize: Int?
  @Option(help: "Records read at random.") var reads = 100_000
  @Option(help: "The folder to make the cache in; the system's temporary one otherwise.")
  var folder: String?
  @Option(help: "Seeds payloads and reads.") var seed: UInt64 = 0
  @Flag(help: "Print the result as a line of JSON.") var json = false

  struct Report: Codable {
    let records: Int
    let chunkTokens: Int
    let pageSize: Int
    let payloadBytes: Int
    let fileBytes: Int
    let writesPerSecond: Double
    let openMilliseconds: Double
    let readsPerSecond: Double
    let megabytesPerSecond: Double

    /// Bytes beside the payloads, to these.
    var overhead: Double { Double(fileBytes) / Double(payloadBytes) - 1 }
  }

  /// More than a benchmark of hours could use.
  private static let most = 1_000_000_000

  func validate() throws {
    guard records > 0, reads > 0, (1...65_536).contains(chunk), documentTokens > 0,
      (1...1 << 20).contains(bytesPerToken)
    else { throw ValidationError("records, reads, tokens and bytes have to be more than nothing") }
    for (name, count) in [
      ("records", records), ("reads", reads), ("document-tokens", documentTokens),
    ] where count > Self.most {
      throw ValidationError("--\(name) \(count): \(Self.most) at most")
    }
    if let pageSize, !(512...65_536).contains(pageSize) || pageSize.nonzeroBitCount != 1 {
      throw ValidationError("--page-size \(pageSize): a power of two from 512 to 65536")
    }
  }

  func run() throws {
    let place =
      folder.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
    let own = place.appendingPathComponent("denju-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: own) }
    let report = try measure(own.appendingPathComponent("cache.sqlite").path)
    if json { return try Terminal.json(report) }
    var table = TextTable([
      "records", "tokens a record", "page", "payload", "file", "overhead", "writes/s", "open",
      "reads/s", "MB/s",
    ])
    table.add([
      "\(report.records)", "\(report.chunkTokens)", "\(report.pageSize)",
      ProgressBar.bytes(report.payloadBytes), ProgressBar.bytes(report.fileBytes),
      String(format: "%.1f%%", 100 * report.overhead),
      String(format: "%.0f", report.writesPerSecond),
      String(format: "%.1f ms", report.openMilliseconds),
      String(format: "%.0f", report.readsPerSecond),
      String(format: "%.0f", report.megabytesPerSecond),
    ])
    Terminal.result(table.text)
  }

  /// Reads the file once, so that all of it is in memory that has room for it.
  private static func warm(_ path: String) throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    while try file.read(upToCount: 1 << 22)?.isEmpty == false {}
  }

  private func measure(_ path: String) throws -> Report {
    var generator = SeededGenerator(seed: seed)
    let source = MadeUpSource(bytesPerToken: bytesPerToken, seed: seed)
    let cache = try FeatureCache.create(
      path, identity: source.identity, source: source.source, chunkTokens: chunk,
      pageSize: pageSize)
    let perDocument = (documentTokens + chunk - 1) / chunk
    let documents = (records + perDocument - 1) / perDocument
    let bar = ProgressBar("bench", unit: "documents")
    let began = ContinuousClock.now
    let writer = BatchWriter(cache, documents: 4096)
    for number in 0..<documents {
      try Interruption.check()
      try writer.add(
        try source.entry(number, tokens: documentTokens, cache: cache))
      bar.update(number + 1, of: documents)
    }
    try writer.flush()
    let seconds = (ContinuousClock.now - began).inSeconds
    let statistics = try cache.statistics()
    try cache.close()

    // The best of some, as any other program may have had the disk.
    var open = Double.infinity
    for _ in 0..<5 {
      let began = ContinuousClock.now
      let cache = try FeatureCache.open(path)
      _ = try cache.contains(tokenIDs: source.ids(0, tokens: documentTokens))
      open = min(open, (ContinuousClock.now - began).inSeconds)
      try cache.close()
    }
    let reader = try FeatureCache.open(path)
    defer { try? reader.close() }
    try Self.warm(path)
    var spent = Duration.zero
    var bytes = 0
    for _ in 0..<reads {
      let document = Int(generator.next() % UInt64(documents))
      let place = Int(generator.next() % UInt64(perDocument))
      let ids = source.ids(document, tokens: documentTokens)
      let began = ContinuousClock.now
      let payload = try reader.payload(place, of: ids)
      spent += ContinuousClock.now - began
      guard let payload else {
        throw CacheError.notFound(path: path, item: "record \(place) of document \(document)")
      }
      bytes += payload.count
    }
    let rate = Double(reads) / spent.inSeconds
    return Report(
      records: statistics.records, chunkTokens: chunk, pageSize: try reader.pageSize(),
      payloadBytes: statistics.stateBytes, fileBytes: statistics.fileBytes,
      writesPerSecond: Double(statistics.records) / seconds, openMilliseconds: 1000 * open,
      readsPerSecond: rate, megabytesPerSecond: rate * Double(bytes) / Double(reads) / 1e6)
  }
}

/// Documents and records of no model.
private struct MadeUpSource {
  let identity: CacheIdentity
  let source: CacheSource
  private let bytesPerToken: Int
  /// What payloads are cut from.
  private let noise: [UInt8]

  init(bytesPerToken: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed &+ 1)
    let tokenizer = Array("none".utf8)
    source = CacheSource(name: "made up", path: "", tokenizer: tokenizer, chatTemplate: nil)
    identity = CacheIdentity(
      weights: String(repeating: "0", count: 64), architecture: "{}",
      tokenizer: source.tokenizerFingerprint, layer: 1, normalized: true,
      codec: Int8Codec().name, numerics: "made up", width: 576)
    self.bytesPerToken = bytesPerToken
    noise = (0..<(1 << 17)).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
  }

  func ids(_ document: Int, tokens: Int) -> [Int32] {
    (0..<tokens).map { Int32($0 == 0 ? document : ($0 &* 7919 &+ document) % 49_152) }
  }

  func entry(_ number: Int, tokens: Int, cache: FeatureCache) throws -> CacheEntry {
    let ids = ids(number, tokens: tokens)
    let records = cache.links(of: ids).map { link in
      let size = min(link.range.count * bytesPerToken, noise.count / 2)
      let start = (number &* 7919 &+ link.range.lowerBound &* 31) % (noise.count - size)
      return CacheRecord(
        link, ids: Array(ids[link.range]), codec: Int8Codec().name,
        payload: noise[start..<start + size])
    }
    let document = CacheDocument(
      split: .train, corpus: "made-up", line: number + 1, prompt: Array("document \(number)".utf8),
      promptIDs: ids, response: [], responseIDs: [])
    return CacheEntry(document: document, coverage: .prompt, records: records)
  }
}
