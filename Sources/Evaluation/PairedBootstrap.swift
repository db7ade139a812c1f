import Numerics

/// The mean of paired differences with a percentile bootstrap interval (Efron and Tibshirani, "An
/// Introduction to the Bootstrap", chapter 13): documents are resampled, each with both its scores.
public struct PairedBootstrap: Codable, Equatable, Sendable {
  public let mean: Double
  /// Bounds of the central 95%.
  public let lower: Double
  public let upper: Double

  /// - Parameters:
  ///   - differences: one a document, the first score minus the second.
  ///   - resamples: draws of as many documents as there are, with replacement.
  public init(_ differences: [Double], resamples: Int = 10_000, seed: UInt64) {
    guard !differences.isEmpty, resamples > 0 else {
      (mean, lower, upper) = (0, 0, 0)
      return
    }
    let count = differences.count
    var generator = SeededGenerator(seed: seed)
    var means = (0..<resamples).map { _ in
      var total = 0.0
      for _ in 0..<count {
        total += differences[Int(generator.next().multipliedFullWidth(by: UInt64(count)).high)]
      }
      return total / Double(count)
    }
    means.sort()
    mean = differences.reduce(0, +) / Double(count)
    lower = means[Int(0.025 * Double(resamples - 1))]
    upper = means[Int((0.975 * Double(resamples - 1)).rounded(.up))]
  }
}
