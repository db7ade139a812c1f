/// The order of rows in one weight made of a gate's and an up projection's, [width, columns] each: 16
/// rows of the gate, then the same 16 of up, and so on; the last turn is filled up with zeros. A tile
/// of a product then has both of what `GatedLinearUnit` takes, and nothing but its result goes to memory.
public enum GateAndUp {
  /// Rows of a turn.
  static let turn = panelWidth

  /// Rows of the one weight.
  public static func rows(width: Int) -> Int { 2 * ((width + turn - 1) / turn) * turn }

  /// The one weight.
  public static func weave(_ gate: [Float], _ up: [Float], width: Int, columns: Int) -> [Float] {
    var weight: [Float] = []
    weight.reserveCapacity(rows(width: width) * columns)
    for first in stride(from: 0, to: width, by: turn) {
      let live = first * columns..<min(first + turn, width) * columns
      for part in [gate, up] {
        weight += part[live]
        weight += repeatElement(0, count: turn * columns - live.count)
      }
    }
    return weight
  }

  /// The one weight's parts, as `Int8Matrix` takes them.
  public static func weave(_ gate: GroupedCodes, _ up: GroupedCodes) -> [GroupedCodes] {
    stride(from: 0, to: gate.rows, by: turn).flatMap { first in
      [gate, up].map { $0.rows(first..<min(first + turn, gate.rows), filledUpTo: turn) }
    }
  }
}
