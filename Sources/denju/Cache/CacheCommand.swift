import ArgumentParser
import FeatureCache
import Foundation
import ModelFiles
import Numerics
import Precompute

/// What one does with a cache.
struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Ask, check, export, purge, merge and compact a feature cache.",
    subcommands: [
      CacheStats.self, CacheVerify.self, CacheExport.self, CachePurge.self, CacheMerge.self,
      CacheCompact.self,
    ])
}

struct CacheStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show one of the cache's views.",
    discussion: "The same as `sqlite3 CACHE 'select * from cache_summary'`.")

  @Argument(help: "The cache.") var cache: String
  @Option(help: "summary, by_source, by_codec, documents or runs.") var view = "summary"
  @Flag(help: "Print a line of JSON a row.") var json = false

  func run() throws {
    guard let view = CacheView(rawValue: "cache_" + view) else {
      let known = CacheView.allCases.map { $0.rawValue.dropFirst("cache_".count) }
      throw ValidationError("there is no view \"\(view)\": \(known.joined(separator: ", "))")
    }
    let cache = try FeatureCache.open(cache)
    defer { try? cache.close() }
    let table = try cache.table(view)
    if json {
      for row in table.rows {
        try Terminal.json(Dictionary(uniqueKeysWithValues: zip(table.columns, row)))
      }
      return
    }
    var text = TextTable(table.columns)
    for row in table.rows { text.add(row.map { $0 ?? "" }) }
    Terminal.result(text.text)
  }
}

struct CacheVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check every checksum and every reference; with --repair, compute the damaged again.")

  @Argument(help: "The cache.") var cache: String
  @Flag(help: "Compute damaged states again, through the source.") var repair = false
  @Option(help: "The source, for --repair; where it was at precomputing, otherwise.")
  var source: String?

  func run() throws {
    let cache = try FeatureCache.open(cache, repair ? .write : .read)
    defer { try? cache.close() }
    let bar = ProgressBar("verify", unit: "rows")
    let damage = try cache.verify { bar.update($0, of: $1) }
    for item in damage { Terminal.result("\(item)") }
    if damage.isEmpty {
      Terminal.note("\(cache.path): sound")
      return
    }
    guard repair else {
      Terminal.note("\(cache.path): \(damage.count) damaged; --repair computes states again")
      throw ExitCode.failure
    }
    let repaired = try CacheRepair(cache, source: source ?? cache.source.path).mend(damage)
    let rest = try cache.verify()
    Terminal.note(
      "\(cache.path): \(repaired) documents' states computed again, \(rest.count) damages left")
    if !rest.isEmpty {
      for item in rest { Terminal.result("\(item)") }
      throw ExitCode.failure
    }
  }
}

struct CacheExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write documents' states and token ids to a safetensors file.",
    discussion: "Tensors NUMBER.states [tokens, width] in float32 and NUMBER.input_ids [tokens].")

  @Argument(help: "The cache.") var cache: String
  @Option(help: "The file to write.") var out: String
  @Option(help: "train, validation, test or asked; all of them otherwise.") var split: String?
  @Option(help: "At most this many documents.") var limit: Int?

  func run() throws {
    let chosen = try split.map { name in
      guard let split = DocumentSplit(rawValue: name) else {
        throw ValidationError("there is no set \"\(name)\": train, validation, test or asked")
      }
      return split
    }
    let cache = try FeatureCache.open(cache)
    defer { try? cache.close() }
    let entries = try cache.documents(chosen).prefix(limit ?? .max)
    // The file is one piece, so what goes in must fit in memory; a limit keeps it small.
    var buffers: [(name: String, states: [Float], ids: [Int64])] = []
    for entry in entries {
      let coverage: Coverage = entry.documentStates > 0 ? .document : .prompt
      let ids = try cache.document(entry.id).ids(coverage)
      var states = [Float](repeating: 0, count: ids.count * cache.width)
      try states.withUnsafeMutableBufferPointer {
        _ = try cache.states(of: entry.id, coverage, into: $0)
      }
      let number = entry.id.description.split(separator: " ").last.map(String.init) ?? ""
      buffers.append((number, states, ids.map(Int64.init)))
    }
    guard !buffers.isEmpty else { throw ValidationError("the cache has no such document") }
    try write(buffers, width: cache.width)
    Terminal.note("\(out): \(buffers.count) documents")
  }

  /// Copies all arrays into two allocations, whose pointers live while the file is written.
  private func write(
    _ rest: [(name: String, states: [Float], ids: [Int64])], width: Int
  ) throws {
    let total = rest.reduce((states: 0, ids: 0)) {
      ($0.states + $1.states.count, $0.ids + $1.ids.count)
    }
    let states = UnsafeMutableBufferPointer<Float>.allocate(capacity: total.states)
    let ids = UnsafeMutableBufferPointer<Int64>.allocate(capacity: total.ids)
    defer {
      states.deallocate()
      ids.deallocate()
    }
    var tensors: [SafetensorsWriter.Tensor] = []
    var (s, i) = (0, 0)
    for item in rest {
      let values = UnsafeMutableBufferPointer(rebasing: states[s..<s + item.states.count])
      let tokens = UnsafeMutableBufferPointer(rebasing: ids[i..<i + item.ids.count])
      _ = values.initialize(from: item.states)
      _ = tokens.initialize(from: item.ids)
      tensors.append(
        (item.name + ".states", [item.ids.count, width], .float32(UnsafeBufferPointer(values))))
      tensors.append(
        (item.name + ".input_ids", [item.ids.count], .int64(UnsafeBufferPointer(tokens))))
      s += item.states.count
      i += item.ids.count
    }
    try SafetensorsWriter.write(path: out, tensors: tensors)
  }
}

struct CachePurge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge",
    abstract: "Delete documents and the states only they use; their bytes are gone afterwards.")

  @Argument(help: "The cache.") var cache: String
  @Option(help: "A document's number, as cache_documents shows it; may be given again.")
  var document: [Int64] = []
  @Option(help: "All documents of a set: train, validation, test or asked.") var split: String?

  func run() throws {
    let cache = try FeatureCache.open(cache, .write)
    defer { try? cache.close() }
    let numbers = Set(document.map { "document \($0)" })
    let known = try cache.documents()
    let missing = numbers.subtracting(known.map(\.id.description))
    if let first = missing.sorted().first {
      throw ValidationError(
        "the cache has no \(first): `denju cache stats --view documents` lists them")
    }
    let chosen = known.filter { numbers.contains($0.id.description) || $0.split.rawValue == split }
    guard !chosen.isEmpty else {
      throw ValidationError("name documents with --document or --split")
    }
    let report = try cache.purge(chosen.map(\.id))
    Terminal.note(
      "\(cache.path): \(report.documents) documents and \(report.records) records gone, "
        + "\(ProgressBar.bytes(report.bytes)) of states")
  }
}

struct CacheMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Take other caches of the same source into the first.")

  @Argument(help: "The cache to merge into.") var cache: String
  @Argument(help: "The caches to take in.") var others: [String]

  func run() throws {
    guard !others.isEmpty else { throw ValidationError("name at least one cache to take in") }
    let cache = try FeatureCache.open(cache, .write)
    defer { try? cache.close() }
    for path in others {
      let other = try FeatureCache.open(path)
      defer { try? other.close() }
      let report = try cache.merge(other)
      Terminal.note("\(path): \(report.stored) documents and \(report.records) records were new")
    }
  }
}

struct CacheCompact: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact", abstract: "Rewrite the file without free space.")

  @Argument(help: "The cache.") var cache: String

  func run() throws {
    let cache = try FeatureCache.open(cache, .write)
    let before = try cache.statistics().fileBytes
    try cache.compact()
    let after = try cache.statistics().fileBytes
    try cache.close()
    Terminal.note(
      "\(cache.path): \(ProgressBar.bytes(before)) before, \(ProgressBar.bytes(after)) now")
  }
}
