/// Pairs every item with another one.
public enum Derangement {
  /// A permutation of 0 ..< `count` without a fixed point (but for a count of 1): a random cycle
  /// (Sattolo, 1986).
  public static func partners(of count: Int, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed)
    var partners = Array(0..<count)
    for index in stride(from: count - 1, to: 0, by: -1) {
      partners.swapAt(index, Int(generator.next().multipliedFullWidth(by: UInt64(index)).high))
    }
    return partners
  }
}
