import Generators
import Layers

/// What training will take of time and memory.
public struct TrainingPlan: Codable, Equatable, Sendable {
  public var run: String
  /// Values that training changes.
  public var parameters: Int
  /// Tokens that go through the generator in all epochs.
  public var tokens: Int
  public var epochs: Int
  /// Forward and backward of every parameter and token, the output head's for prompts too: 4, and 2 more for one
  /// that is trained.
  public var floatingPointOperations: Double
  public var seconds: Double
  /// All parameters, the frozen ones too.
  public var weightBytes: Int
  /// Gradients and AdamW's two moments, 12 bytes a trained parameter.
  public var optimizerBytes: Int
  /// What the largest batch leaves from layer to layer, and takes beside it.
  public var activationBytes: Int

  /// Bytes of weights, optimizer and activations. The program itself and the cache's pages come on top.
  public var memoryBytes: Int { weightBytes + optimizerBytes + activationBytes }

  /// Bytes of all weights, and of gradients and moments.
  static func bytes(
    _ configuration: GeneratorConfiguration, _ train: TrainedParts
  ) -> (weights: Int, optimizer: Int) {
    let all = configuration.tensors(training: train).reduce(0) { $0 + $1.range.count }
    let trained = configuration.parameterCount(training: train)
    return (all * MemoryLayout<Float>.stride, 3 * trained * MemoryLayout<Float>.stride)
  }

  /// Share of the matrix product's rate that training reaches.
  private static let efficiency = 0.5

  /// - Parameters:
  ///   - training: the documents to train on, in their order.
  ///   - validation: those that every epoch is validated on.
  ///   - operationsPerSecond: the rate of a matrix product.
  init(
    _ run: String, _ configuration: GeneratorConfiguration, _ train: TrainedParts,
    _ options: TrainingOptions, training: [DocumentSize], validation: [DocumentSize],
    operationsPerSecond rate: Double
  ) throws {
    let bytes = Self.bytes(configuration, train)
    let all = bytes.weights / MemoryLayout<Float>.stride
    self.run = run
    parameters = configuration.parameterCount(training: train)
    epochs = options.epochs
    tokens = training.reduce(0) { $0 + $1.prompt + $1.response } * options.epochs
    floatingPointOperations = (4 * Double(all) + 2 * Double(parameters)) * Double(tokens)
    seconds = floatingPointOperations / (rate * Self.efficiency)
    (weightBytes, optimizerBytes) = bytes
    activationBytes = try ActivationMemory(configuration, train, options)
      .bytes(training: training, validation: validation)
  }

  /// - Parameters:
  ///   - design: the generator's.
  ///   - sourceWidths: values a state, of each stream.
  public init(
    _ run: String, _ design: GeneratorDesign, _ options: TrainingOptions,
    training: [DocumentSize], validation: [DocumentSize], sourceWidths: [Int], vocabularySize: Int,
    operationsPerSecond rate: Double
  ) throws {
    try options.validate()
    let configuration = try design.configuration(
      sourceWidths: sourceWidths, vocabularySize: vocabularySize, startToken: 0, options: options)
    try self.init(
      run, configuration, design.train, options, training: training, validation: validation,
      operationsPerSecond: rate)
  }
}
