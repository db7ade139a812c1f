import Numerics

/// Shifts and scales columns by their means and deviations over some rows.
package struct Standardization {
  private let means: [Float]
  private let factors: [Float]

  /// - Parameters:
  ///   - scales: whether columns are brought to a deviation of 1, but for those that never change.
  package init(_ rows: Rows, scales: Bool) {
    let (count, width) = (Double(rows.count), rows.width)
    var sums = [Double](repeating: 0, count: width)
    for row in 0..<rows.count {
      for column in 0..<width { sums[column] += Double(rows.row(row)[column]) }
    }
    let means = sums.map { $0 / count }
    var squares = [Double](repeating: 0, count: width)
    for row in 0..<rows.count {
      for column in 0..<width {
        let rest = Double(rows.row(row)[column]) - means[column]
        squares[column] += rest * rest
      }
    }
    self.means = means.map { Float($0) }
    factors = zip(squares, means).map { square, mean in
      let deviation = (square / count).squareRoot()
      // Below float32's rounding a column is constant.
      return scales && deviation > 1e-6 * abs(mean) ? Float(1 / deviation) : 1
    }
  }

  package func apply(_ rows: Rows) {
    parallelRanges(rows.count, grain: 64) { range in
      for row in range {
        let values = rows.row(row)
        for column in 0..<rows.width {
          values[column] = (values[column] - means[column]) * factors[column]
        }
      }
    }
  }
}
