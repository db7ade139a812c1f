import Foundation
import Numerics

/// Rotary positions: which channels of a head turn, and how fast.
public struct RotaryDescription: Sendable, Hashable {
  /// The base of the angles.
  public var theta: Float
  /// d, the channels of a head that turn, from its first on; nil: all.
  public var dimensions: Int?
  /// What is made of the base's frequencies.
  public var scaling: RotaryScaling

  public init(theta: Float, dimensions: Int? = nil, scaling: RotaryScaling = .none) {
    self.theta = theta
    self.dimensions = dimensions
    self.scaling = scaling
  }

  /// By what each pair's angle grows from one position to the next.
  public func frequencies(headSize: Int) -> [Float] {
    let dimensions = dimensions ?? headSize
    return scaling.scaled(
      RotaryAngles.frequencies(dimensions: dimensions, theta: theta), theta: theta,
      dimensions: dimensions)
  }
}

/// How frequencies are changed so that a model reads longer texts than it was first trained on. Computed as
/// transformers does, in float32.
public enum RotaryScaling: Sendable, Hashable {
  case none
  /// Every frequency by 1 / factor (position interpolation, Chen et al., arXiv 2306.15595).
  case linear(factor: Float)
  /// Low frequencies by 1 / factor, high ones stay, a ramp between (Llama 3.1).
  case llama3(factor: Float, low: Float, high: Float, original: Float)
  /// The same with a ramp over pairs, and a magnitude (YaRN, Peng et al., arXiv 2309.00071).
  case yarn(Yarn)
  /// Every frequency divided by a factor of its own, with a magnitude: LongRoPE (Ding et al., arXiv 2402.13753) up to
  /// the length that a model was first trained on, or what a GGUF file says.
  case factors([Float], magnitude: Float)

  /// YaRN's parameters.
  public struct Yarn: Sendable, Hashable {
    public var factor: Float
    /// Positions of the first training.
    public var original: Float
    /// Turns over those positions from which a frequency stays, and up to which it is divided.
    public var fast: Float
    public var slow: Float
    /// What cosines and sines are multiplied by.
    public var magnitude: Float
    /// Whether the ramp begins and ends at whole pairs.
    public var truncates: Bool

    public init(
      factor: Float, original: Float, fast: Float = 32, slow: Float = 1, magnitude: Float,
      truncates: Bool = true
    ) {
      self.factor = factor
      self.original = original
      self.fast = fast
      self.slow = slow
      self.magnitude = magnitude
      self.truncates = truncates
    }

    /// The magnitude that the paper proposes for a factor.
    public static func magnitude(factor: Double, scale: Double = 1) -> Double {
      factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
    }

    /// The pairs between which frequencies go from staying to being divided.
    func ramp(theta: Float, dimensions: Int) -> (first: Float, last: Float) {
      func pair(turns: Float) -> Double {
        Double(dimensions) * log(Double(original) / (Double(turns) * 2 * .pi))
          / (2 * log(Double(theta)))
      }
      let (low, high) = (pair(turns: fast), pair(turns: slow))
      let first = max(truncates ? low.rounded(.down) : low, 0)
      let last = min(truncates ? high.rounded(.up) : high, Double(dimensions - 1))
      return (Float(first), Float(first == last ? last + 0.001 : last))
    }
  }

  /// What cosines and sines are multiplied by.
  public var magnitude: Float {
    switch self {
    case .none, .linear, .llama3: 1
    case .yarn(let yarn): yarn.magnitude
    case .factors(_, let magnitude): magnitude
    }
  }

  func scaled(_ frequencies: [Float], theta: Float, dimensions: Int) -> [Float] {
    switch self {
    case .none: return frequencies
    case .linear(let factor): return frequencies.map { $0 / factor }
    case .llama3(let factor, let low, let high, let original):
      return frequencies.map { frequency in
        let length = 2 * Float.pi / frequency
        if length < original / high { return frequency }
        if length > original / low { return frequency / factor }
        let share = (original / length - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .yarn(let yarn):
      let (first, last) = yarn.ramp(theta: theta, dimensions: dimensions)
      return frequencies.enumerated().map { pair, frequency in
        let divided = min(max((Float(pair) - first) / (last - first), 0), 1)
        return frequency / yarn.factor * divided + frequency * (1 - divided)
      }
    case .factors(let factors, _): return zip(frequencies, factors).map(/)
    }
  }
}
