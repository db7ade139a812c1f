import Foundation
import Generators
import Numerics
import Runs

/// A checkpoint with all that going on takes: weights, moments and where the run stands.
struct TrainingCheckpoint {
  private let path: String

  init(_ path: String) {
    self.path = path
  }

  /// The run's latest one; `nil` when the run was ended before its first.
  static func latest(in folder: RunFolder) -> TrainingCheckpoint? {
    FileManager.default.fileExists(atPath: folder.last) ? TrainingCheckpoint(folder.last) : nil
  }

  /// Puts the checkpoint in the old one's place. Without an optimizer it is for generating alone.
  func write(_ model: Generator, _ optimizer: AdamW?, _ state: TrainingState) throws {
    try Checkpoint.save(
      model, to: path, optimizer: optimizer, files: [TrainingState.name: try state.encoded()])
  }

  func restore(
    _ folder: RunFolder, _ manifest: RunManifest, weightDecay: Double,
    _ registries: GeneratorRegistries
  ) throws -> (model: Generator, optimizer: AdamW, state: TrainingState) {
    let state = try TrainingState.read(path)
    let model = try folder.generator(path, manifest, registries)
    let optimizer = try Checkpoint.loadOptimizer(
      path, for: model.parameters, settings: .init(weightDecay: weightDecay))
    return (model, optimizer, state)
  }
}
