import Generators
import Layers

/// How large a document is, in tokens.
public struct DocumentSize: Hashable, Sendable {
  public var prompt: Int
  public var response: Int
  /// States that come with it, of each stream.
  public var states: [Int]

  public init(prompt: Int, response: Int, states: [Int]) {
    self.prompt = prompt
    self.response = response
    self.states = states
  }
}

/// The memory that a training's passes take for activations.
struct ActivationMemory {
  private let counter: ActivationCounter
  private let options: TrainingOptions

  init(
    _ configuration: GeneratorConfiguration, _ train: TrainedParts, _ options: TrainingOptions
  ) {
    self.options = options
    counter = ActivationCounter(
      configuration, training: train, loss: options.loss, dropout: options.dropout > 0)
  }

  /// Documents whose places in the epochs' orders are looked at: of more, later epochs are left out.
  private static let mostDraws = 10_000_000

  /// Bytes that the largest pass takes, over the epochs' own orders.
  func bytes(training: [DocumentSize], validation: [DocumentSize]) throws -> Int {
    let (training, validation) = (try sizes(training), try sizes(validation))
    let order = StepOrder(count: training.count, options)
    var largest = Largest()
    for epoch in 0..<min(options.epochs, max(1, Self.mostDraws / max(training.count, 1))) {
      let documents = order.order(of: epoch)
      for place in 0..<order.stepsOfEpoch {
        for part in order.parts(order.batch(place, of: documents)) {
          largest.raise(part.map { training[$0] }) { counter.bytes($0, training: true) }
        }
      }
    }
    var validating = Largest()
    for first in stride(from: 0, to: validation.count, by: options.batch) {
      let batch = validation[first..<min(first + options.batch, validation.count)]
      validating.raise(Array(batch)) { counter.bytes($0, training: false) }
    }
    return max(largest.bytes, validating.bytes)
  }

  private func sizes(_ documents: [DocumentSize]) throws -> [PassSize] {
    var known: [DocumentSize: PassSize] = [:]
    return try documents.map { document in
      if let size = known[document] { return size }
      let size = try counter.size(
        prompt: document.prompt, response: document.response, states: document.states)
      known[document] = size
      return size
    }
  }

  /// The largest of many passes. One that a counted one covers takes no more, and is not counted.
  private struct Largest {
    private(set) var bytes = 0
    private var counted: [PassSize] = []

    mutating func raise(_ batch: [PassSize], _ count: (PassSize) -> Int) {
      guard let first = batch.first else { return }
      let size = batch.dropFirst().reduce(first, +)
      guard !counted.contains(where: { $0.covers(size) }) else { return }
      counted.removeAll { size.covers($0) }
      counted.append(size)
      bytes = max(bytes, count(size))
    }
  }
}
