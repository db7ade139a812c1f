/// The mean of paired differences a token, sum of d over sum of n, and its standard error when
/// documents are the sample: that of a ratio estimator (Cochran, "Sampling Techniques", section
/// 2.11).
public struct PairedDifference: Codable, Equatable, Sendable {
  public let mean: Double
  /// nil for a single document.
  public let standardError: Double?

  /// - Parameters:
  ///   - differences: one a document, summed over its tokens.
  ///   - counts: the documents' tokens.
  public init(_ differences: [Double], counts: [Int]) {
    let tokens = Double(counts.reduce(0, +))
    let mean = differences.reduce(0, +) / tokens
    let squares = zip(differences, counts).reduce(0) { sum, pair in
      let rest = pair.0 - mean * Double(pair.1)
      return sum + rest * rest
    }
    let documents = Double(differences.count)
    self.mean = mean
    standardError =
      documents > 1 ? (squares * documents / (documents - 1)).squareRoot() / tokens : nil
  }
}
