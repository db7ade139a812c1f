import Generators
import Layers
import Training

/// An objective that the program does not have: twice the cross-entropy.
struct Twice: Objective {
  static let name = "twice"
  private let once: CrossEntropy

  init(_ options: TrainingOptions) { once = CrossEntropy(options) }

  func tokenCount(
    of document: GeneratorDocument, _ model: Generator
  ) throws(GeneratorError) -> Int {
    try once.tokenCount(of: document, model)
  }

  func accumulate(
    _ documents: [GeneratorDocument], _ model: Generator, scale: Float, dropout: DropoutPlan?
  ) throws(GeneratorError) -> BatchResult {
    Self.doubled(
      try once.accumulate(documents, model, scale: 2 * scale, dropout: dropout))
  }

  func evaluate(
    _ documents: [GeneratorDocument], _ model: Generator
  ) throws(GeneratorError) -> BatchResult {
    Self.doubled(try once.evaluate(documents, model))
  }

  private static func doubled(_ result: BatchResult) -> BatchResult {
    var result = result
    result.lossSum *= 2
    return result
  }
}
