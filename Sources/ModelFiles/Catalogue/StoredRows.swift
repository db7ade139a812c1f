/// A table's rows, [rows, columns], in the type they are stored in, in memory of their own: a row
/// becomes float32 when it is asked for. Small for a table of which few rows are read at a time.
public struct StoredRows: Sendable {
  public let rows: Int
  public let columns: Int
  private let type: ElementType
  private let bytes: [UInt8]

  init(_ entry: TensorEntry) throws(ModelFileError) {
    try entry.requireFloatingPoint()
    guard entry.rowOrder == .plain, entry.shape.count == 2 else {
      throw .mismatch(
        file: entry.path, item: "tensor \(entry.name)", expected: "a table of rows",
        found: "shape \(entry.shape)")
    }
    rows = entry.shape[0]
    columns = entry.shape[1]
    type = entry.elementType
    bytes = entry.withBytes { Array($0) }
    entry.release()
  }

  /// Writes row `row`, [columns], to `out`.
  ///
  /// - Precondition: 0 <= `row` < `rows`.
  public func copyRow(_ row: Int, to out: UnsafeMutablePointer<Float>) {
    let rowBytes = columns / type.blockElements * type.blockBytes
    let range = row * rowBytes..<(row + 1) * rowBytes
    bytes[range].withUnsafeBytes { row in
      if let base = row.baseAddress { dequantize(type, base, into: out, count: columns) }
    }
  }
}
