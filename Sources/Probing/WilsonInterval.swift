/// The 95% interval of a share that was seen in `count` independent rows (Wilson, 1927): it stays within 0
/// and 1, and has a width where nothing or all was right.
public struct WilsonInterval: Codable, Equatable, Sendable {
  public let lower: Double
  public let upper: Double

  /// The normal distribution's 97.5th percentile.
  private static let z = 1.959963984540054

  /// Of a share that is known, and not seen in rows.
  init(exactly share: Double) {
    (lower, upper) = (share, share)
  }

  package init(right: Int, of count: Int) {
    guard count > 0 else {
      (lower, upper) = (0, 1)
      return
    }
    let (n, z) = (Double(count), Self.z)
    let share = Double(right) / n
    let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot() / (1 + z * z / n)
    lower = max(middle - half, 0)
    upper = min(middle + half, 1)
  }
}
