extension TensorEntry {
  /// Writes all elements as float32, in Hugging Face's row order, to `out`, which has room for
  /// `elementCount`. Throws `unsupported` when the type cannot be read as float32.
  func readFloats(into out: UnsafeMutablePointer<Float>) throws(ModelFileError) {
    guard elementType.isFloatingPoint else {
      throw .unsupported(
        file: path, item: "the type of tensor \(name)", found: elementType.rawValue,
        supported: "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K")
    }
    withBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      switch rowOrder {
      case .plain:
        dequantize(elementType, source, into: out, count: elementCount)
      case .rotaryPairs(let heads):
        readRotaryRows(source, heads: heads, into: out)
      }
    }
  }

  /// Rows of one head, stored as (0, h), (1, h + 1), ..., go to rows 0, 1, ..., h, h + 1, ... where
  /// h is half a head.
  private func readRotaryRows(
    _ source: UnsafeRawPointer, heads: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let rows = shape.first ?? 1
    let columns = elementCount / rows
    let rowBytes = byteCount / rows
    let headSize = rows / heads
    for row in 0..<rows {
      let (head, place) = row.quotientAndRemainder(dividingBy: headSize)
      let target = head * headSize + place / 2 + place % 2 * (headSize / 2)
      dequantize(
        elementType, source + row * rowBytes, into: out + target * columns, count: columns)
    }
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
