import ModelFiles

/// A generator that answers what the vectors hold, so that the comparison itself is tested: with
/// `spoiled` it says something else about that one tensor, or about the logits, the loss or the norm.
final class RecordedGenerator: ReferenceGenerator {
  private let reference: LlamaGeneratorReference
  private let training: LlamaGeneratorReference.Training
  private let after: TensorCatalogue
  private let spoiled: String?
  private var stepCount = 0

  /// Whether losses are those of the ten steps in turn, rather than the one before the first.
  private let isTraining: Bool

  let trainedShapes: [String: [Int]]

  init(
    _ reference: LlamaGeneratorReference, _ training: LlamaGeneratorReference.Training,
    isTraining: Bool = false, spoiled: String? = nil
  ) throws {
    self.reference = reference
    self.training = training
    self.isTraining = isTraining
    self.spoiled = spoiled
    after = try reference.after(training)
    trainedShapes = Dictionary(
      uniqueKeysWithValues: try reference.trainedNames(training).map {
        ($0, try reference.shape(of: $0))
      })
  }

  func logits(_ document: ReferenceDocument) -> [Float] { said(document.logits, of: "logits") }

  func backward(_ documents: [ReferenceDocument]) throws -> Double {
    let loss =
      isTraining ? try after.floats("losses")[stepCount] : Float(try reference.loss(training))
    return Double(said([loss], of: "loss")[0])
  }

  func gradient(of name: String) throws -> [Float] {
    said(try reference.gradient(training, of: name), of: name)
  }

  func value(of name: String) throws -> [Float] { said(try after.floats(name), of: name) }

  func step(_ optimizer: OptimizerStatement) throws -> Double {
    defer { stepCount += 1 }
    return Double(said([try after.floats("gradient_norms")[stepCount]], of: "norm")[0])
  }

  /// The values, or where they are to be spoiled with a part in a thousand and some more in one.
  private func said(_ values: [Float], of what: String) -> [Float] {
    guard what == spoiled, let last = values.last else { return values }
    return values.dropLast() + [last * 1.001 + 0.003]
  }
}
