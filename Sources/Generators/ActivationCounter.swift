import Layers

/// Counts the memory that passes of a generator take for activations, and takes none.
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

  /// Bytes that a pass over documents takes at once: what `Generator.forwardBackward` takes where it trains,
  /// and not less than `Generator.evaluate` takes otherwise.
  public func bytes(
    _ documents: [GeneratorDocument], training: Bool
  ) throws(GeneratorError) -> Int {
    let arena = Arena.counting()
    let batch = try network.batch(documents, configuration, loss, embedsLast: false, arena)
    network.countPass(batch, training: training, dropout: dropout, arena)
    return arena.peak * MemoryLayout<Float>.stride
  }
}
