import Architectures
import Foundation
import ModelFiles
import Testing

/// The vectors of the Llama family's generators, read and held against each other: what a generator
/// is compared with is what the folder says, and a difference is seen.
@Suite struct LlamaGeneratorTests {
  @Test(.vectors("llama-generator")) func llamaPrompt() throws {
    try checkReading("llama-generator")
  }

  @Test(.vectors("qwen2-generator")) func qwen2Prompt() throws {
    try checkReading("qwen2-generator")
  }

  @Test(.vectors("llama-aligned")) func llamaAligned() throws {
    try checkReading("llama-aligned")
  }

  private func checkReading(_ name: String) throws {
    let reference = try LlamaGeneratorReference(name)
    let decoder = try any Architecture(configJSON: reference.configurationPath)
    #expect(decoder.hiddenSize == (try reference.size("dim")))
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
