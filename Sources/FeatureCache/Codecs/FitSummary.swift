import Foundation

/// What a fitted codec was allowed and shown to do: what a cache's row of it says.
public struct FitSummary: Equatable, Sendable {
  /// Nats a token that it may add to the source's loss, as it was asked for.
  public var allowance: Double
  public var measurement: FitMeasurement

  public init(allowance: Double, measurement: FitMeasurement) {
    self.allowance = allowance
    self.measurement = measurement
  }
}

/// What a fit was shown to do on texts held out of it.
public struct FitMeasurement: Equatable, Sendable, CustomStringConvertible {
  public var fittedTokens: Int
  public var heldOutTokens: Int
  /// Nats a token that decoded states add to the source's loss.
  public var added: Double
  /// The upper end of its paired 95% interval.
  public var bound: Double
  /// Mean Kullback-Leibler divergence of the next token's distribution from the source's, in nats: a source that
  /// is wrong about a text can lose by being told more of it, and this can't.
  public var divergence: Double

  public init(
    fittedTokens: Int, heldOutTokens: Int = 0, added: Double = 0, bound: Double = 0,
    divergence: Double = 0
  ) {
    self.fittedTokens = fittedTokens
    self.heldOutTokens = heldOutTokens
    self.added = added
    self.bound = bound
    self.divergence = divergence
  }

  /// What an allowance is compared with: the interval counts twice, so that the bound that another sample of
  /// this size comes to keeps to it too, as a rule.
  public var cost: Double {
    divergence.isNaN ? divergence : max(added + 2 * (bound - added), divergence)
  }

  public var description: String {
    "fitted on \(fittedTokens) tokens; on \(heldOutTokens) others it adds "
      + String(
        format: "%.5f nats a token, at most %.5f; divergence %.5f", added, bound, divergence)
  }
}
