import CKernels

// AdamW (Loshchilov and Hutter, arXiv 1711.05101), with t the step from 1:
//   θ ← θ (1 - η λ);  m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²
//   θ ← θ - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)

/// The optimizer's settings and its moments, one each a parameter.
public final class AdamW {
  public struct Settings: Codable, Equatable, Sendable {
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    /// Decoupled decay, on every trained parameter.
    public var weightDecay: Double

    public init(
      beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
      weightDecay: Double = 0.01
    ) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  /// Parameters with one learning rate.
  public struct Group: Sendable {
    public var range: Range<Int>
    public var learningRate: Double

    public init(range: Range<Int>, learningRate: Double) {
      self.range = range
      self.learningRate = learningRate
    }
  }

  public let settings: Settings
  /// Steps taken; stored with the moments, and set when they are read back.
  public var stepCount = 0
  /// How many parameters there are.
  public let count: Int
  private let firstMoments: FloatBuffer
  private let secondMoments: FloatBuffer

  public init(count: Int, settings: Settings = Settings()) {
    self.count = count
    self.settings = settings
    firstMoments = FloatBuffer(count: count)
    secondMoments = FloatBuffer(count: count)
  }

  /// The running means of the gradients, and of their squares: for checkpoints. Valid as long as the
  /// optimizer lives.
  public var moments: (first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>) {
    (firstMoments.base, secondMoments.base)
  }

  /// One step over `groups`, whose ranges lie within the parameters; gradients are multiplied by
  /// `gradientScale` first (what clipping gave). Every parameter is on its own, so threads do not
  /// change the result.
  public func step(
    _ values: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, groups: [Group],
    gradientScale: Float = 1
  ) {
    stepCount += 1
    let (m, v) = moments
    let correction1 = 1 - power(settings.beta1, stepCount)
    let correction2 = 1 - power(settings.beta2, stepCount)
    for group in groups {
      var step = denju_adamw(
        scale: gradientScale, beta1: Float(settings.beta1), rest1: Float(1 - settings.beta1),
        beta2: Float(settings.beta2), rest2: Float(1 - settings.beta2),
        decay: Float(1 - group.learningRate * settings.weightDecay),
        rate: Float(group.learningRate / correction1),
        root: Float(1 / correction2.squareRoot()), epsilon: Float(settings.epsilon))
      let range = group.range.clamped(to: 0..<count)
      withUnsafePointer(to: &step) { step in
        parallelRanges(range.count, grain: 16384) { piece in
          let first = range.lowerBound + piece.lowerBound
          kernels.pointee.adamw(
            piece.count, values + first, gradients + first, m + first, v + first, step)
        }
      }
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var factor = base
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }
}
