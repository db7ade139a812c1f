import Generators
import Layers

/// What training makes smaller: a loss over documents, and its gradients.
///
/// An objective is one file, and one line in a registry.
public protocol Objective: Sendable {
  /// Its name in options.
  static var name: String { get }

  init(_ options: TrainingOptions)

  /// Tokens of a document that the loss is over, whether its states are there or not.
  func tokenCount(
    of document: GeneratorDocument, _ model: Generator
  ) throws(GeneratorError) -> Int

  /// Adds to the model's gradients those of the documents' summed loss times `scale`.
  func accumulate(
    _ documents: [GeneratorDocument], _ model: Generator, scale: Float, dropout: DropoutPlan?
  ) throws(GeneratorError) -> BatchResult

  /// The documents' summed loss alone.
  func evaluate(
    _ documents: [GeneratorDocument], _ model: Generator
  ) throws(GeneratorError) -> BatchResult
}

/// The cross-entropy of the right tokens, in nats: of the responses', or of all.
public struct CrossEntropy: Objective {
  public static let name = "cross-entropy"
  private let scope: LossScope

  public init(_ options: TrainingOptions) { scope = options.loss }

  public func tokenCount(
    of document: GeneratorDocument, _ model: Generator
  ) throws(GeneratorError) -> Int {
    try model.lossTokenCount(of: document, loss: scope)
  }

  public func accumulate(
    _ documents: [GeneratorDocument], _ model: Generator, scale: Float, dropout: DropoutPlan?
  ) throws(GeneratorError) -> BatchResult {
    try model.forwardBackward(documents, loss: scope, lossScale: scale, dropout: dropout)
  }

  public func evaluate(
    _ documents: [GeneratorDocument], _ model: Generator
  ) throws(GeneratorError) -> BatchResult {
    try model.evaluate(documents, loss: scope)
  }
}

/// The objectives that a program knows. A value that is handed in; `builtIn` is one of them.
public struct ObjectiveRegistry: Sendable {
  public let objectives: [any Objective.Type]

  public init(_ objectives: [any Objective.Type]) { self.objectives = objectives }

  public static let builtIn = ObjectiveRegistry([CrossEntropy.self])

  public func adding(_ more: any Objective.Type...) -> ObjectiveRegistry {
    ObjectiveRegistry(objectives + more)
  }

  public subscript(name: String) -> (any Objective.Type)? {
    objectives.first { $0.name == name }
  }
}
