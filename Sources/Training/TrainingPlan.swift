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
    let tensors = configuration.tensors(training: train)
    let all = tensors.reduce(0) { $0 + $1.range.count }
    self.run = run
    parameters = configuration.parameterCount(training: train)
    epochs = options.epochs
    tokens = training.reduce(0) { $0 + $1.prompt + $1.response } * options.epochs
    floatingPointOperations = Double(4 * all + 2 * parameters) * Double(tokens)
    seconds = floatingPointOperations / (rate * Self.efficiency)
    weightBytes = all * MemoryLayout<Float>.stride
    optimizerBytes = 3 * parameters * MemoryLayout<Float>.stride
    activationBytes = try Activations(configuration, train, options)
      .bytes(training: training, validation: validation)
  }

  /// - Parameters:
  ///   - design: the generator's.
  ///   - sourceWidth: values a state.
  public init(
    _ run: String, _ design: GeneratorDesign, _ options: TrainingOptions,
    training: [DocumentSize], validation: [DocumentSize], sourceWidth: Int, vocabularySize: Int,
    operationsPerSecond rate: Double
  ) throws {
    try options.validate()
    let configuration = try design.configuration(
      sourceWidth: sourceWidth, vocabularySize: vocabularySize, startToken: 0, options: options)
    try self.init(
      run, configuration, design.train, options, training: training, validation: validation,
      operationsPerSecond: rate)
  }
}

/// How large a document is, in tokens.
public struct DocumentSize: Sendable {
  public var prompt: Int
  public var response: Int
  /// States that come with it.
  public var states: Int

  public init(prompt: Int, response: Int, states: Int) {
    self.prompt = prompt
    self.response = response
    self.states = states
  }
}

/// The memory that a training's passes take for activations.
struct Activations {
  private let counter: ActivationCounter
  private let configuration: GeneratorConfiguration
  private let options: TrainingOptions

  init(
    _ configuration: GeneratorConfiguration, _ train: TrainedParts, _ options: TrainingOptions
  ) {
    self.configuration = configuration
    self.options = options
    counter = ActivationCounter(
      configuration, training: train, loss: options.loss, dropout: options.dropout > 0)
  }

  /// Bytes that the largest pass of all epochs takes.
  func bytes(training: [DocumentSize], validation: [DocumentSize]) throws -> Int {
    let order = StepOrder(count: training.count, options)
    var largest = Largest()
    for epoch in 0..<options.epochs {
      let documents = order.order(of: epoch)
      for place in 0..<order.stepsOfEpoch {
        for part in order.parts(order.batch(place, of: documents)) {
          try largest.raise(part.map { training[$0] }) { try bytes($0, training: true) }
        }
      }
    }
    var validating = Largest()
    for first in stride(from: 0, to: validation.count, by: options.batch) {
      let batch = validation[first..<min(first + options.batch, validation.count)]
      try validating.raise(Array(batch)) { try bytes($0, training: false) }
    }
    return max(largest.bytes, validating.bytes)
  }

  private func bytes(_ sizes: [DocumentSize], training: Bool) throws -> Int {
    let width = configuration.streams.map(\.width)
    return try counter.bytes(
      sizes.map { size in
        GeneratorDocument(
          states: width.map { [Float](repeating: 0, count: size.states * $0) },
          prompt: [Int32](repeating: 0, count: size.prompt),
          response: [Int32](repeating: 0, count: size.response))
      }, training: training)
  }

  /// The largest of many batches. More tokens never take less, so one with less of all is not counted.
  private struct Largest {
    private(set) var bytes = 0
    private var prompt = -1
    private var response = -1
    private var states = -1

    mutating func raise(
      _ batch: [DocumentSize], _ count: ([DocumentSize]) throws -> Int
    ) rethrows {
      let sums = (
        batch.reduce(0) { $0 + $1.prompt }, batch.reduce(0) { $0 + $1.response },
        batch.reduce(0) { $0 + $1.states }
      )
      guard sums.0 > prompt || sums.1 > response || sums.2 > states else { return }
      (prompt, response, states) = (max(prompt, sums.0), max(response, sums.1), max(states, sums.2))
      bytes = max(bytes, try count(batch))
    }
  }
}
