import Generators
import Identity

/// What a training run is, besides its cache. The same words as the command line's.
public struct TrainingOptions: Equatable, Sendable {
  public var states = StatesArm.own
  public var loss = LossScope.response
  public var epochs = 10
  /// How many documents a step learns from.
  public var batch = 16
  /// Parts that a step's documents are run in, one after the other: less memory, the same step.
  public var accumulate = 1
  public var bridgeLearningRate = 5e-4
  public var generatorLearningRate = 5e-4
  /// Share of all steps over which the learning rates rise from zero.
  public var warmup = 0.05
  /// The learning rates fall along a cosine to this share of their height; 1 keeps them level.
  public var finalRate = 0.1
  /// Largest norm of the gradient; a larger one is scaled down to it.
  public var clip = 1.0
  public var weightDecay = 0.01
  public var dropout = 0.0
  /// Share of the cross-attention's weights that training drops.
  public var bridgeDropout = 0.0
  /// Share of documents to which training gives no states of a stream, for each of several streams by itself: so
  /// that one can be left out later. One is always given.
  public var streamDropout = 0.0
  /// Epochs without a better validation loss after which training ends; 0 never ends early.
  public var patience = 0
  /// By how much the validation loss must fall to count as better.
  public var minimumGain = 1e-4
  /// Seconds between two checkpoints: the most work that a kill can lose.
  public var checkpointSeconds = 60.0
  public var seed: UInt64 = 0
  /// The name of what training makes smaller.
  public var objective = CrossEntropy.name

  public init() {}

  public func validate() throws(TrainingError) {
    func require(
      _ holds: Bool, _ name: String, _ found: some CustomStringConvertible, _ allowed: String
    ) throws(TrainingError) {
      if !holds { throw .invalidOption(name: name, found: found.description, allowed: allowed) }
    }
    try require((1...100_000).contains(epochs), "epochs", epochs, "1 to 100000")
    try require((1...65_536).contains(batch), "batch", batch, "1 to 65536 documents")
    try require((1...batch).contains(accumulate), "accumulate", accumulate, "1 to the batch's size")
    for (name, rate) in [
      ("bridge-learning-rate", bridgeLearningRate),
      ("generator-learning-rate", generatorLearningRate),
    ] {
      try require(rate.isFinite && rate >= 0 && rate < 10, name, rate, "0 to 10")
    }
    try require((0...1).contains(warmup), "warmup", warmup, "0 to 1, a share of all steps")
    try require((0...1).contains(finalRate), "final-rate", finalRate, "0 to 1")
    try require(clip > 0, "clip", clip, "above 0")
    try require((0..<1).contains(weightDecay), "weight-decay", weightDecay, "0 to below 1")
    try require((0..<1).contains(dropout), "dropout", dropout, "0 to below 1")
    try require((0..<1).contains(bridgeDropout), "bridge-dropout", bridgeDropout, "0 to below 1")
    try require((0..<1).contains(streamDropout), "stream-dropout", streamDropout, "0 to below 1")
    try require(patience >= 0, "patience", patience, "0 (never) or more epochs")
    try require(minimumGain.isFinite, "minimum-gain", minimumGain, "a number of nats")
    try require(checkpointSeconds > 0, "checkpoint-seconds", checkpointSeconds, "above 0")
  }
}

extension TrainingOptions: Encodable {
  private enum Key: String, CodingKey {
    case states, loss, epochs, batch, accumulate, bridgeLearningRate, generatorLearningRate,
      warmup, finalRate, clip, weightDecay, dropout, bridgeDropout, patience, minimumGain,
      checkpointSeconds, seed, objective, streamDropout
  }

  /// What came later is left out where it is as it always was, so that a run of before is the same run.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(states, forKey: .states)
    try fields.encode(loss, forKey: .loss)
    try fields.encode(epochs, forKey: .epochs)
    try fields.encode(batch, forKey: .batch)
    try fields.encode(accumulate, forKey: .accumulate)
    try fields.encode(bridgeLearningRate, forKey: .bridgeLearningRate)
    try fields.encode(generatorLearningRate, forKey: .generatorLearningRate)
    try fields.encode(warmup, forKey: .warmup)
    try fields.encode(finalRate, forKey: .finalRate)
    try fields.encode(clip, forKey: .clip)
    try fields.encode(weightDecay, forKey: .weightDecay)
    try fields.encode(dropout, forKey: .dropout)
    try fields.encode(bridgeDropout, forKey: .bridgeDropout)
    try fields.encode(patience, forKey: .patience)
    try fields.encode(minimumGain, forKey: .minimumGain)
    try fields.encode(checkpointSeconds, forKey: .checkpointSeconds)
    try fields.encode(seed, forKey: .seed)
    if streamDropout != 0 { try fields.encode(streamDropout, forKey: .streamDropout) }
    if objective != CrossEntropy.name { try fields.encode(objective, forKey: .objective) }
  }
}
