import Architectures
import FeatureCache
import Foundation
import Generators
import Identity
import Layers
import Numerics
import Runs
import Tokenization

/// A folder with a cache of made-up states and runs of made-up generators, whose every figure can be worked
/// out by hand; removed afterwards.
final class EvaluationPlace {
  static let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("denju/Goldens/files/source").path
  static let width = 8
  static let vocabulary = 401

  let folder: String
  let tokenizer: Tokenizer
  let identity: CacheIdentity
  var cachePath: String { folder + "/cache.sqlite" }

  /// - Parameter responses: of the test documents.
  init(responses: [String]) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-evaluation-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    tokenizer = try Tokenizer(
      json: Array(Data(contentsOf: URL(fileURLWithPath: Self.source + "/tokenizer.json"))),
      configJSON: nil)
    identity = CacheIdentity(
      weights: String(repeating: "0", count: 64), architecture: "{}",
      tokenizer: tokenizer.fingerprint, layer: 2, normalized: true, codec: "float32",
      numerics: Numerics.version, width: Self.width)
    let cache = try FeatureCache.create(
      cachePath, identity: identity,
      source: CacheSource(
        name: "none", path: "/nowhere", tokenizer: tokenizer.serialized(), chatTemplate: nil))
    defer { try? cache.close() }
    for (place, response) in responses.enumerated() {
      let document = document(place, response)
      _ = try cache.put([
        CacheEntry(
          document: document, coverage: .prompt,
          records: try cache.records(
            of: document.promptIDs, states: states(place), place: document.place))
      ])
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func document(_ place: Int, _ response: String) -> CacheDocument {
    let prompt = "Thing \(place)"
    return CacheDocument(
      split: .test, corpus: "made", line: place + 1, prompt: Array(prompt.utf8),
      promptIDs: tokenizer.encode(prompt), response: Array(response.utf8),
      responseIDs: tokenizer.encode(response, framed: false))
  }

  /// Of the document's prompt.
  func states(_ place: Int) -> [Float] {
    let count = tokenizer.encode("Thing \(place)").count * Self.width
    return (0..<count).map { sin(Float(1 + $0 + 31 * place)) }
  }

  func token(_ text: String) -> Int { Int(tokenizer.encode(text, framed: false)[0]) }

  /// A run whose best checkpoint is this model.
  func run(_ name: String, _ model: Generator, states: StatesArm) throws -> String {
    let run = RunFolder(folder + "/" + name)
    try run.create(
      RunManifest(
        streams: [
          RunStream(
            identity: try JSONEncoder().encode(identity), template: nil, sourcePath: "/nowhere")
        ],
        plainPrompts: true, states: states, hasOwnTokenizer: false, cachePath: cachePath,
        training: Data("{}".utf8)), model,
      streams: [.init(tokenizer: tokenizer.serialized(), codecFit: nil)], generatorTokenizer: nil)
    try Checkpoint.save(model, to: run.best, optimizer: nil, files: [:])
    return run.path
  }

  func configuration(_ arm: StatesArm) throws -> GeneratorConfiguration {
    let backbone = try GPTNeo(
      design: BackboneDesign(
        architecture: GPTNeo.family, layers: 2, width: 16, heads: 2, positions: 64, window: 8,
        vocabulary: Self.vocabulary))
    return try GeneratorConfiguration(
      backbone: backbone,
      conditioning: try PromptConditioning(
        design: ConditioningDesign(
          name: PromptConditioning.name, arm: arm, layers: 2, width: 16, sourceWidth: Self.width,
          adapter: 4, bridgeHeads: 2)),
      streams: [StreamShape(width: Self.width)])
  }

  /// A generator that says one token, whatever it is asked: its last norm has no weight and a bias of 1 in one
  /// channel, and so has that token's embedding 2 there, all others 0. So that token's logit is 2, and each of
  /// the 400 others' 0.
  func constant(_ text: String) throws -> Generator {
    let model = try Generator(configuration(.none), seed: 1)
    for tensor in model.parameters.tensors {
      for index in tensor.range { model.parameters.values[index] = 0 }
    }
    guard let bias = model.parameters["gpt.ln_f.bias"],
      let table = model.parameters["gpt.wte.weight"]
    else { return model }
    model.parameters.values[bias.range.lowerBound] = 1
    model.parameters.values[table.range.lowerBound + 16 * token(text)] = 2
    return model
  }

  /// A generator that reads the states, with every value drawn.
  func drawn() throws -> Generator {
    let model = try Generator(configuration(.own), seed: 3)
    var generator = SeededGenerator(seed: 4)
    for tensor in model.parameters.tensors {
      for index in tensor.range { model.parameters.values[index] += 0.3 * generator.normal() }
    }
    return model
  }
}
