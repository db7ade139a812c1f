import Numerics

extension TensorEntry {
  /// Writes all elements as float32, in Hugging Face's row order, to `out`, which has room for
  /// `elementCount`. Throws `unsupported` when the type cannot be read as float32.
  func readFloats(into out: UnsafeMutablePointer<Float>) throws(ModelFileError) {
    try requireFloatingPoint()
    readRows { source, row, columns in
      dequantize(elementType, source, into: out + row * columns, count: columns)
    }
  }

  func requireFloatingPoint() throws(ModelFileError) {
    guard elementType.isFloatingPoint else {
      throw .unsupported(
        file: path, item: "the type of tensor \(name)", found: elementType.rawValue,
        supported: "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K")
    }
  }

  /// Calls `body` on all threads with each row's bytes, its place in Hugging Face's order, and its
  /// elements. Then lets go of the file's pages, which would count as this process's memory.
  func readRows(_ body: (_ bytes: UnsafeRawPointer, _ row: Int, _ columns: Int) -> Void) {
    guard elementCount > 0 else { return }
    // A permuted bias is rows of one element; anything plain is as many rows as it has.
    let rows =
      switch rowOrder {
      case .plain: elementCount / (shape.last ?? 1)
      case .rotaryPairs: shape[0]
      }
    let columns = elementCount / rows
    let rowBytes = byteCount / rows
    withBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      parallelRanges(rows, grain: max(1, 1 << 16 / columns)) { range in
        for row in range {
          let place =
            switch rowOrder {
            case .plain: row
            case .rotaryPairs(let heads): Self.unpermuted(row, headSize: rows / heads)
            }
          body(source + row * rowBytes, place, columns)
        }
      }
    }
    release()
  }

  /// Rows of one head, stored as 0, h, 1, h + 1, ... where h is half a head, go to 0, 1, ..., h,
  /// h + 1, ...
  private static func unpermuted(_ row: Int, headSize: Int) -> Int {
    let (head, place) = row.quotientAndRemainder(dividingBy: headSize)
    return head * headSize + place / 2 + place % 2 * (headSize / 2)
  }

  /// All elements as 64-bit integers; throws `unsupported` unless the type is I64 or I32.
  func readIntegers() throws(ModelFileError) -> [Int64] {
    let count = elementCount
    switch elementType {
    case .i64:
      return withBytes { bytes in
        (0..<count).map {
          Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
        }
      }
    case .i32:
      return withBytes { bytes in
        (0..<count).map {
          Int64(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)))
        }
      }
    default:
      throw .unsupported(
        file: path, item: "the type of tensor \(name) of integers", found: elementType.rawValue,
        supported: "I64 or I32")
    }
  }
}
