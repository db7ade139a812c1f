import Numerics

/// The shares of elements that training sets to zero; 0 means none.
public struct DropoutRates: Equatable, Sendable {
  /// The share of the generator's input.
  public var embedding: Float
  /// The share of what attention and feed-forward blocks add to the stream.
  public var residual: Float
  /// The share of the generator's attention weights.
  public var selfAttention: Float
  /// The share of the bridge's attention weights; 0.1 in the published code, which has no other.
  public var crossAttention: Float

  public init(
    embedding: Float = 0, residual: Float = 0, selfAttention: Float = 0, crossAttention: Float = 0
  ) {
    self.embedding = embedding
    self.residual = residual
    self.selfAttention = selfAttention
    self.crossAttention = crossAttention
  }
}

/// Rates, and the numbers that masks are drawn from. The masks are a function of these alone.
public struct DropoutPlan: Sendable {
  public var rates: DropoutRates
  public var seed: UInt64
  /// A number that no other forward pass of the training run has.
  public var step: UInt64

  public init(rates: DropoutRates, seed: UInt64, step: UInt64) {
    self.rates = rates
    self.seed = seed
    self.step = step
  }

  /// The dropout at a place of the model, nil where nothing is dropped.
  public func dropout(_ kind: KeyPath<DropoutRates, Float>, site: Int) -> Dropout? {
    let rate = rates[keyPath: kind]
    guard rate > 0 else { return nil }
    return Dropout(rate: rate, seed: seed, step: step, site: UInt64(site))
  }
}
