import FeatureCache
import Foundation
import Generators
import Identity
import Numerics
import Tokenization
import Training

/// A cache of random states, and what trains a small generator from it. No source stands behind it.
package final class TinyTraining {
  package static let width = 12
  private let cache: TinyCache

  package var folder: TemporaryFolder { cache.folder }

  /// - Parameter validation: whether there is a validation set.
  package init(validation: Bool = true) throws {
    let tokenizer = try Tokenizer(
      json: Checkout.bytes("Tests/Tokenization/Vectors/tiny-gpt2.json"), configJSON: nil)
    cache = try TinyCache(tokenizer: tokenizer.serialized())
    var identity = cache.identity(codec: "float32", width: Self.width)
    identity.tokenizer = tokenizer.fingerprint
    identity.numerics = Numerics.version
    let store = try cache.create("cache.sqlite", identity)
    defer { try? store.close() }
    var generator = SeededGenerator(seed: 1)
    var entries: [CacheEntry] = []
    for line in 1...20 {
      let document = Self.document(line, validation && line > 14 ? .validation : .train)
      for coverage in Coverage.allCases {
        let ids = document.ids(coverage)
        let states = FloatBuffer(count: ids.count * Self.width)
        for index in 0..<states.count { states.base[index] = generator.normal() }
        entries.append(
          CacheEntry(
            document: document, coverage: coverage,
            records: try store.records(of: ids, states: states.base, place: document.place)))
      }
    }
    _ = try store.put(entries)
  }

  /// A response that its prompt alone decides.
  private static func document(_ line: Int, _ split: DocumentSplit) -> CacheDocument {
    CacheDocument(
      split: split, corpus: "rows.jsonl", line: line, prompt: Array("prompt \(line)".utf8),
      promptIDs: (0..<4).map { Int32(30 + (line * 7 + $0 * 3) % 20) },
      response: Array("response \(line)".utf8), responseIDs: [Int32(60 + line % 3), 61, 0])
  }

  package static func design(
    _ conditioning: String = PromptConditioning.name
  ) -> GeneratorDesign {
    GeneratorDesign(
      conditioning: conditioning, pretrained: nil, layers: 2, width: 16, heads: 2, positions: 32,
      window: 4, adapter: 8, bridgeHeads: 4, bridgeLayers: 2, middleWidth: nil, mask: .causal,
      generatorPrompt: .all)
  }

  package static func options() -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = 4
    options.batch = 4
    options.bridgeLearningRate = 0.01
    options.generatorLearningRate = 0.01
    return options
  }

  package var cachePath: String { cache.path() }

  package func trainer(
    _ run: String, _ options: TrainingOptions, _ design: GeneratorDesign = design()
  ) throws -> Trainer {
    try Trainer(cache: cache.path(), run: folder.path(run), design: design, options: options)
  }

  /// Trains into the folder `run`, to the end or for some steps.
  @discardableResult
  package func train(
    _ run: String, _ options: TrainingOptions, _ design: GeneratorDesign = design(),
    resume: Bool = false, steps: Int = .max, progress: (Trainer.Progress) -> Void = { _ in }
  ) throws -> TrainingReport {
    let trainer = try trainer(run, options, design)
    var taken = 0
    return try trainer.run(resume: resume) { report in
      taken += 1
      progress(report)
    } shouldStop: {
      taken >= steps
    }
  }
}
