import Foundation

/// What a learning rate is multiplied by at each step: a linear warm-up, then half a cosine down to
/// `floor` (Loshchilov and Hutter, arXiv 1608.03983), or constant.
public struct LearningRateSchedule: Codable, Equatable, Sendable {
  public enum Shape: String, Codable, Sendable {
    case cosine
    case constant
  }

  public var shape: Shape
  public var warmupSteps: Int
  /// All steps, the warm-up's among them.
  public var totalSteps: Int
  /// The cosine's end.
  public var floor: Float

  public init(
    shape: Shape = .cosine, warmupSteps: Int = 0, totalSteps: Int, floor: Float = 0
  ) {
    self.shape = shape
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.floor = floor
  }

  /// The factor for `step`, which counts from 0: (step + 1) / warmupSteps while warming up.
  public func factor(at step: Int) -> Float {
    if step < warmupSteps { return Float(step + 1) / Float(warmupSteps) }
    guard shape == .cosine else { return 1 }
    let rest = max(totalSteps - warmupSteps, 1)
    let progress = min(Double(step - warmupSteps) / Double(rest), 1)
    return floor + (1 - floor) * Float(0.5 * (1 + cos(Double.pi * progress)))
  }
}
