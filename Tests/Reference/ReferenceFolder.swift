import Foundation
import TestSupport
import Testing

/// Where the vectors lie that independent PyTorch and transformers code made. What is in a folder says itself
/// which sizes it has.
enum ReferenceFolder {
  /// The package's folder.
  static let package = URL(fileURLWithPath: Checkout.folder)

  /// A file or folder of the vectors; where no root has its folder, a path that leads nowhere.
  static func path(_ name: String) -> String { Checkout.reference(name) }

  static func has(_ name: String) -> Bool { Checkout.hasReference(name) }
}

extension Trait where Self == ConditionTrait {
  /// Skips a test, and says why, where the vectors have no folder of this name.
  static func vectors(_ name: String) -> Self {
    let places = Checkout.referenceRoots.joined(separator: " or ")
    return .enabled(if: ReferenceFolder.has(name), "no vectors \(name) in \(places)")
  }
}

/// The largest ‖ours − reference‖ / ‖reference‖ of any row. Row by row, since one token can be so
/// large that an error over the whole tensor sees nothing else.
func worstRelativeError(_ ours: [Float], _ reference: [Float], width: Int) -> Double {
  guard ours.count == reference.count, width > 0 else { return .infinity }
  var worst = 0.0
  for row in stride(from: 0, to: ours.count, by: width) {
    var (difference, size) = (0.0, 0.0)
    for index in row..<row + width {
      let (a, b) = (Double(ours[index]), Double(reference[index]))
      difference += (a - b) * (a - b)
      size += b * b
    }
    let error = (difference / max(size, .leastNormalMagnitude)).squareRoot()
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst
}

/// The largest |ours − reference|.
func worstAbsoluteError(_ ours: [Float], _ reference: [Float]) -> Float {
  guard ours.count == reference.count else { return .infinity }
  return zip(ours, reference).reduce(0) { worst, pair in
    let error = abs(pair.0 - pair.1)
    return error.isNaN ? .infinity : max(worst, error)
  }
}
