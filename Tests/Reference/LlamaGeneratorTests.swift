import Architectures
import Foundation
import ModelFiles
import Testing

/// The vectors of the Llama family's generators, read and held against each other: what a generator
/// is compared with is what the folder says, and a difference is seen.
@Suite struct LlamaGeneratorTests {
  /// Every folder that has such vectors, of any decoder family.
  static let folders = ReferenceFolder.names(with: [
    "config.json", "weights.safetensors", "expected.safetensors",
    "after_10_adamw_steps.safetensors",
  ])

  static let own = ["llama-aligned", "llama-generator", "qwen2-generator"]

  /// Where another folder than the project's own is named, it has what it has.
  @Test(.vectors("llama-generator")) func theProjectsOwnAreAmongThem() {
    #expect(Set(Self.folders).isSuperset(of: Self.own))
  }

  /// The generator has the folder's logits, loss and every gradient.
  @Test(arguments: folders, LlamaGeneratorReference.Training.allCases)
  func agrees(_ name: String, _ training: LlamaGeneratorReference.Training) throws {
    let reference = try LlamaGeneratorReference(name)
    guard reference.trainings.contains(training) else { return }
    let generator = try TrainedGenerator(reference, training)
    let found = try reference.disagreements(of: generator, training)
    #expect(found == [], "\(found)")
  }

  /// Ten AdamW steps end where the folder's do, and what is frozen is as it was.
  @Test(arguments: folders, LlamaGeneratorReference.Training.allCases)
  func agreesAfterTenSteps(
    _ name: String, _ training: LlamaGeneratorReference.Training
  ) throws {
    let reference = try LlamaGeneratorReference(name)
    guard reference.trainings.contains(training) else { return }
    let generator = try TrainedGenerator(reference, training)
    let found = try reference.disagreementsAfterTenSteps(of: generator, training)
    #expect(found == [], "\(found)")
    let frozen = generator.frozenNames
    #expect(frozen.isEmpty == (training == .all))
    for name in frozen {
      #expect(
        try generator.frozenValue(of: name).map(\.bitPattern)
          == reference.weights.floats(name).map(\.bitPattern), "\(name)")
    }
  }

  /// Without its bridge the decoder has the plain model's logits, LoRA merged or not.
  @Test(arguments: folders, LlamaGeneratorReference.Training.allCases)
  func plainLogitsAgree(
    _ name: String, _ training: LlamaGeneratorReference.Training
  ) throws {
    let reference = try LlamaGeneratorReference(name)
    guard reference.trainings.contains(training), !reference.isAligned else { return }
    let generator = try TrainedGenerator(reference, training)
    for document in try reference.documents(training) {
      let plain = try #require(document.plainLogits)
      let error = worstAbsoluteError(try generator.plainLogits(document), plain)
      let largest = plain.reduce(1) { max($0, abs($1)) }
      #expect(error <= 1e-5 * largest)
    }
  }

  @Test(arguments: folders) func reading(_ name: String) throws {
    let reference = try LlamaGeneratorReference(name)
    let decoder = try ArchitectureRegistry.builtIn.configuration(
      ConfigurationReader(path: reference.configurationPath))
    #expect(decoder.width == (try reference.size("dim")))
    #expect(decoder.vocabularySize == reference.vocabularySize)
    for training in reference.trainings {
      let loss = meanLoss(try reference.documents(training), width: reference.vocabularySize)
      // The same logits, summed in float64 here and in float32 there.
      #expect(abs(loss - (try reference.loss(training))) <= 1e-5)
      try checkComparison(reference, training)
    }
  }

  /// What the folder holds passes; each thing that is compared, spoiled alone, does not.
  private func checkComparison(
    _ reference: LlamaGeneratorReference, _ training: LlamaGeneratorReference.Training
  ) throws {
    let names = try reference.trainedNames(training)
    #expect(!names.isEmpty)
    #expect(
      try reference.disagreements(of: RecordedGenerator(reference, training), training) == [])
    #expect(
      try reference.disagreementsAfterTenSteps(
        of: RecordedGenerator(reference, training, isTraining: true), training) == [])
    for spoiled in ["logits", "loss", names[0], names[names.count - 1]] {
      let generator = try RecordedGenerator(reference, training, spoiled: spoiled)
      let found = try reference.disagreements(of: generator, training)
      #expect(!found.isEmpty, "\(spoiled)")
    }
    for spoiled in ["loss", "norm", names[0], names[names.count - 1]] {
      let generator = try RecordedGenerator(
        reference, training, isTraining: true, spoiled: spoiled)
      let found = try reference.disagreementsAfterTenSteps(of: generator, training)
      #expect(!found.isEmpty, "\(spoiled)")
    }
  }

  /// Of the response's tokens, each from the logits before it; the first of all has none before.
  private func meanLoss(_ documents: [ReferenceDocument], width: Int) -> Double {
    var (sum, count) = (0.0, 0)
    for document in documents {
      let ids = document.prompt + document.response
      for position in max(1, document.prompt.count)..<ids.count {
        let row = document.logits[(position - 1) * width..<position * width].map(Double.init)
        let largest = row.reduce(-Double.infinity, max)
        let total = log(row.reduce(0) { $0 + exp($1 - largest) }) + largest
        sum += total - row[Int(ids[position])]
        count += 1
      }
    }
    return sum / Double(count)
  }
}
