import Layers

/// What of documents takes memory in a pass: counts that add up over the pass's documents.
public struct PassSize: Hashable, Sendable {
  public var documents: Int
  /// Tokens that go through the generator.
  public var rows: Int
  /// Rows that predict a token.
  public var lossRows: Int
  /// States of each stream.
  public var states: [Int]

  public static func + (one: PassSize, other: PassSize) -> PassSize {
    PassSize(
      documents: one.documents + other.documents,
      rows: one.rows + other.rows, lossRows: one.lossRows + other.lossRows,
      states: zip(one.states, other.states).map(+))
  }

  /// Whether a pass of the other size takes no more.
  public func covers(_ other: PassSize) -> Bool {
    documents >= other.documents && rows >= other.rows && lossRows >= other.lossRows
      && zip(states, other.states).allSatisfy { $0 >= $1 }
  }
}

/// Counts the memory that passes of a generator take for activations. No pass is run.
public struct ActivationCounter {
  private let configuration: GeneratorConfiguration
  private let network: GeneratorNetwork
  private let loss: LossScope
  private let dropout: Bool

  /// - Parameter dropout: whether passes that train have dropout between the halves of a block.
  public init(
    _ configuration: GeneratorConfiguration, training: TrainedParts, loss: LossScope, dropout: Bool
  ) {
    self.configuration = configuration
    network = GeneratorNetwork(configuration, training: training, isPretrained: false)
    self.loss = loss
    self.dropout = dropout
  }

  /// The size of a document of so many tokens and states of each stream.
  public func size(prompt: Int, response: Int, states: [Int]) throws(GeneratorError) -> PassSize {
    let document = GeneratorDocument(
      states: zip(configuration.streams, states).map {
        [Float](repeating: 0, count: $1 * $0.width)
      },
      prompt: [Int32](repeating: 0, count: prompt), response: [Int32](repeating: 0, count: response)
    )
    let rows = try network.conditioning.rows(
      of: document, loss: loss, embedsLast: false, place: 0)
    let isRead = configuration.needs.readsStates
    return PassSize(
      documents: 1,
      rows: rows.tokens.count, lossRows: rows.lossRows.count,
      states: isRead ? states : configuration.streams.map { _ in 0 })
  }

  /// Bytes that a pass takes at once: what `Generator.forwardBackward` takes where it trains, and not less than
  /// `Generator.evaluate` takes otherwise.
  public func bytes(_ size: PassSize, training: Bool) -> Int {
    let arena = Arena.counting()
    let batch = GeneratorBatch(counting: size, configuration, arena)
    network.countPass(batch, keepsTraces: training, dropout: dropout && training, arena)
    return arena.peak * MemoryLayout<Float>.stride
  }
}
