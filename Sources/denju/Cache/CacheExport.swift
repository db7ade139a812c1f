import ArgumentParser
import FeatureCache
import Foundation
import Precompute

extension StateExport.Format: ExpressibleByArgument {}

struct CacheExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write documents' states, token ids and texts to a safetensors or NumPy file.",
    discussion: """
      For every document, by its number: NUMBER.states [tokens, width] in float32, NUMBER.input_ids, \
      NUMBER.response_ids, and NUMBER.prompt and NUMBER.response as UTF-8 bytes, with NUMBER.given where \
      the corpus gave the prompt otherwise, as messages. `cache import` takes the safetensors file back.
      """)

  @Argument(help: "The cache.") var cache: String
  @Option(help: "The file to write.") var out: String
  @Option(help: "safetensors or npz; the file's name says it otherwise.")
  var format: StateExport.Format?
  @Option(help: "train, validation, test or asked; all of them otherwise.")
  var split: DocumentSplit?
  @Option(help: "At most this many documents.") var limit: Int?
  @OptionGroup var stream: StreamArguments

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit \(limit): at least 1") }
  }

  func run() throws {
    let cache = try FeatureCache.open(cache, stream: stream.choice)
    defer { try? cache.close() }
    let entries = Array(try cache.documents(split).prefix(limit ?? .max))
    guard !entries.isEmpty else { throw ValidationError("the cache has no such document") }
    let bar = ProgressBar("export", unit: "documents")
    let format = format ?? (out.hasSuffix(".npz") ? .npz : .safetensors)
    try StateExport(cache, entries).write(out, format) { bar.update($0, of: entries.count) }
    Terminal.message("\(out): \(entries.count) documents")
  }
}
