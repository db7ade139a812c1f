import Numerics

/// A way to make one row of a prompt's states [T, C].
package struct Pool: Sendable {
  package let name: String
  /// Writes C values.
  package let reduce: @Sendable (_ states: Rows, _ out: UnsafeMutablePointer<Float>) -> Void

  /// The mean over the prompt's tokens.
  static let mean = Pool(name: "mean") { states, out in
    out.update(repeating: 0, count: states.width)
    for row in 0..<states.count {
      axpy(states.width, 1 / Float(states.count), states.row(row), out)
    }
  }

  /// The state of the prompt's last token.
  static let last = Pool(name: "last") { states, out in
    out.update(from: states.row(states.count - 1), count: states.width)
  }
}

/// What a read-out sees of a prompt's states: pools, one behind the other.
public struct ProbeFeature: Sendable {
  public let name: String
  package let pools: [Pool]

  private init(_ name: String, _ pools: [Pool]) {
    self.name = name
    self.pools = pools
  }

  /// All features, by whose names they are asked for.
  public static let all = [
    ProbeFeature("mean", [.mean]), ProbeFeature("last", [.last]),
    ProbeFeature("both", [.mean, .last]),
  ]

  /// Those of names with commas between.
  public static func named(_ text: String) throws(ProbingError) -> [ProbeFeature] {
    var features: [ProbeFeature] = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let feature = all.first(where: { $0.name == name }) else {
        throw .unknownName(option: "features", name: String(name), known: all.map(\.name))
      }
      if !features.contains(where: { $0.name == name }) { features.append(feature) }
    }
    return features
  }
}
