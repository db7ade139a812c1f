import Architectures
import ArgumentParser
import FeatureCache
import Foundation
import Generation
import Identity
import ModelFiles
import Runs
import Tokenization

/// What is in a file or folder, whatever it is.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what is in a model file, a model folder, a training run or a cache.")

  @Argument(help: "A .safetensors or .gguf file, a model's folder, a run's folder or a cache.")
  var path: String

  @Flag(
    help: "Print a line of JSON a tensor, or a row; of a run, one of what it reads before them.")
  var json = false

  func run() throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw ModelFileError.unreadable(file: path, reason: "no such file or folder")
    }
    if FeatureCache.isCache(path) {
      var stats = try CacheStats.parse([path])
      stats.json = json
      return try stats.run()
    }
    let run = RunFolder(path)
    if run.exists { return try show(run) }
    try showModel()
  }

  private func show(_ run: RunFolder) throws {
    let description = try run.manifest()
    let streams = try InspectedStream.of(run, description)
    if json {
      try Terminal.json(
        InspectedRun(
          run: path, states: description.states.rawValue, template: description.template,
          cache: description.cachePath, source: description.sourcePath, streams: streams))
    } else {
      Terminal.result(
        "training run, states: \(description.states.rawValue), template: \(description.template ?? "none")"
      )
      Terminal.result("cache: \(description.cachePath)")
      Terminal.result("source: \(description.sourcePath)")
      // Of a run that reads one, the lines above say it.
      if streams.count > 1 { for stream in streams { Terminal.result(stream.line) } }
      Terminal.result("options: \(String(decoding: description.training, as: UTF8.self))")
    }
    try show(
      try TensorCatalogue.open((run.best as NSString).appendingPathComponent("model.safetensors")))
  }

  private func showModel() throws {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    if isFolder.boolValue || path.hasSuffix(".gguf"), let folder = try? ModelFolder.open(path) {
      if !json { try show(folder) }
      return try show(try folder.catalogue())
    }
    try show(try TensorCatalogue.open(path))
  }

  private func show(_ folder: ModelFolder) throws {
    switch Result(catching: { try folder.architecture() }) {
    case .success(let configuration):
      Terminal.result("configuration: \(configuration.identityJSON)")
    case .failure(let error): Terminal.message(Failure.line(error))
    }
    switch Result(catching: { try Tokenizer.load(folder) }) {
    case .success(let tokenizer):
      Terminal.result(
        "tokenizer: \(tokenizer.vocabularySize) tokens, template \(tokenizer.chatTemplate?.name ?? "none"), "
          + (tokenizer.canWriteText ? "" : "reads text and can't write it, ")
          + "SHA-256 \(tokenizer.fingerprint)")
    case .failure(let error): Terminal.message(Failure.line(error))
    }
  }

  private func show(_ catalogue: TensorCatalogue) throws {
    struct Line: Encodable {
      let name: String
      let shape: [Int]
      let type: String
      let bytes: Int
    }
    let lines = catalogue.entries.map {
      Line(name: $0.name, shape: $0.shape, type: $0.elementType.rawValue, bytes: $0.byteCount)
    }
    if json {
      for line in lines { try Terminal.json(line) }
      return
    }
    for (key, value) in catalogue.metadata.sorted(by: { $0.key < $1.key }) {
      Terminal.result("\(key): \(value)")
    }
    var table = TextTable(["tensor", "type", "shape", "bytes"])
    for line in lines {
      table.add([
        line.name, line.type, line.shape.map(String.init).joined(separator: " x "), "\(line.bytes)",
      ])
    }
    Terminal.result(table.text)
    let bytes = lines.reduce(0) { $0 + $1.bytes }
    let values = catalogue.entries.reduce(0) { $0 + $1.elementCount }
    Terminal.result("\(lines.count) tensors, \(values) values, \(ProgressBar.bytes(bytes))")
    Terminal.result("SHA-256 \(catalogue.sha256())")
  }
}
