import Numerics

/// Rows in an order drawn by a seed, cut into folds of the same size, as near as can be.
package struct CrossValidation {
  /// How many folds there are.
  package static let folds = 5

  /// The rows, fold after fold.
  package let order: [Int]
  /// Where each fold is in that order.
  package let held: [Range<Int>]

  package init(_ count: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var order = Array(0..<count)
    generator.shuffle(&order)
    self.order = order
    held = (0..<Self.folds).map { fold in
      fold * count / Self.folds..<(fold + 1) * count / Self.folds
    }
  }

  /// The folds that are fitted on while one is held out.
  package func fitted(_ fold: Int) -> [Int] { held.indices.filter { $0 != fold } }
}
