import FeatureCache
import Foundation
import GenerationModule
import Identity
import Numerics
import Tokenization
import Training

/// A cache of random states, and what trains a small generator from it.
final class Fixture {
  static let width = 12
  let folder: String

  /// - Parameter validation: whether there is a validation set.
  init(validation: Bool = true) throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-training-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let cache = try FeatureCache.create(
      cachePath, identity: try Self.identity(),
      source: CacheSource(
        name: "none", path: "/nowhere", tokenizer: try Self.tokenizer().serialized(),
        chatTemplate: nil))
    defer { try? cache.close() }
    var generator = SeededGenerator(seed: 1)
    var entries: [CacheEntry] = []
    for line in 1...20 {
      let split: DocumentSplit = validation && line > 14 ? .validation : .train
      // A response that its prompt alone decides.
      let prompt = (0..<4).map { Int32(30 + (line * 7 + $0 * 3) % 20) }
      let document = CacheDocument(
        split: split, corpus: "rows.jsonl", line: line, prompt: Array("prompt \(line)".utf8),
        promptIDs: prompt, response: Array("response \(line)".utf8),
        responseIDs: [Int32(60 + line % 3), 61, 0])
      for coverage in Coverage.allCases {
        let ids = document.ids(coverage)
        let states = FloatBuffer(count: ids.count * Self.width)
        for index in 0..<states.count { states.base[index] = generator.normal() }
        entries.append(
          CacheEntry(
            document: document, coverage: coverage,
            records: try cache.records(of: ids, states: states.base, place: document.place)))
      }
    }
    _ = try cache.put(entries)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var cachePath: String { folder + "/cache.sqlite" }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
  }

  static func tokenizer() throws -> Tokenizer {
    let path = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Tokenization/Vectors/tiny-gpt2.json")
    return try Tokenizer(json: Array(Data(contentsOf: path)), configJSON: nil)
  }

  private static func identity() throws -> CacheIdentity {
    CacheIdentity(
      weights: String(repeating: "0", count: 64), architecture: "{}",
      tokenizer: try tokenizer().fingerprint, layer: 2, normalized: true, codec: "float32",
      numerics: Numerics.version, width: width)
  }

  static func design(
    _ conditioning: GeneratorConfiguration.Conditioning = .prompt
  ) -> GeneratorDesign {
    GeneratorDesign(
      conditioning: conditioning, pretrained: nil, layers: 2, width: 16, heads: 2, positions: 32,
      window: 4, adapter: 8, bridgeHeads: 4, bridgeLayers: 2, middleWidth: nil, mask: .causal,
      generatorPrompt: .all)
  }

  static func options() -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = 4
    options.batch = 4
    options.bridgeLearningRate = 0.01
    options.generatorLearningRate = 0.01
    return options
  }

  /// Trains into the folder `run`, to the end or for some steps.
  @discardableResult
  func train(
    _ run: String, _ options: TrainingOptions, _ design: GeneratorDesign = design(),
    resume: Bool = false, steps: Int = .max, progress: (Trainer.Progress) -> Void = { _ in }
  ) throws -> TrainingReport {
    let trainer = try Trainer(
      cache: cachePath, run: folder + "/" + run, design: design, options: options)
    var taken = 0
    return try trainer.run(resume: resume) { report in
      taken += 1
      progress(report)
    } shouldStop: {
      taken >= steps
    }
  }
}
