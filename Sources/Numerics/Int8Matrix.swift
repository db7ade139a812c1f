import CKernels

/// A weight matrix [rows (out), columns (in)] of small codes, packed once for many products with
/// rows that are rounded to 8 bits.
///
/// Sums within a group of 32 are integers, so exact; groups are added in order, in float32. A row of
/// a result depends on that row alone, to the last bit, as with `PackedMatrix`.
public struct Int8Matrix: ~Copyable, Sendable {
  public let rows: Int
  public let columns: Int
  private let groups: Int
  private let bits: Int
  private let zero: Int32
  /// [rows / 16][groups][bits][16][4], two codes of 4 bits in a byte.
  private let codes: PlainBuffer<UInt8>
  /// [rows / 16][groups][16]
  private let scales: FloatBuffer
  /// Likewise, or nothing where all are zero.
  private let minimums: FloatBuffer

  /// Packs parts of one width, one below the other. Parts with other zeros come to the same by
  /// minimums; they take as many bits as the widest.
  public init(_ parts: [GroupedCodes]) {
    let columns = parts.first?.columns ?? 0
    precondition(parts.allSatisfy { $0.columns == columns }, "parts must have one width")
    rows = parts.reduce(0) { $0 + $1.rows }
    self.columns = columns
    groups = GroupedCodes.groups(columns)
    bits = parts.reduce(4) { max($0, $1.bits) }
    let uniform =
      parts.allSatisfy { $0.minimums == nil && $0.zero == parts[0].zero }
    zero = uniform ? parts.first?.zero ?? 0 : 0
    let panels = (rows + panelWidth - 1) / panelWidth
    codes = PlainBuffer(count: panels * groups * bits * 64)
    scales = FloatBuffer(count: panels * groups * panelWidth)

    minimums = FloatBuffer(count: uniform ? 0 : scales.count)

    var (starts, next) = ([Int](), 0)
    for part in parts {
      starts.append(next)
      next += part.rows
    }
    let (groups, bits) = (self.groups, self.bits)
    let (codes, scales) = (codes.base, scales.base)
    let minimums = uniform ? nil : minimums.base
    func pack(_ index: Int) {
      Self.pack(
        parts[index], from: starts[index], groups: groups, bits: bits, codes, scales, minimums)
    }
    // Parts that share a panel can't be packed side by side.
    if starts.allSatisfy({ $0.isMultiple(of: panelWidth) }) {
      parallel(parts.count, pack)
    } else {
      for index in parts.indices { pack(index) }
    }
  }

  private static func pack(
    _ part: GroupedCodes, from first: Int, groups: Int, bits: Int,
    _ codes: UnsafeMutablePointer<UInt8>, _ scales: UnsafeMutablePointer<Float>,
    _ minimums: UnsafeMutablePointer<Float>?
  ) {
    let groupSize = GroupedCodes.groupSize
    // Sixteen rows of the matrix share a panel, so a task takes whole panels.
    let panels = first / panelWidth...(first + max(part.rows, 1) - 1) / panelWidth
    parallel(panels.count) { index in
      let panel = panels.lowerBound + index
      let here = max(panel * panelWidth, first)..<min((panel + 1) * panelWidth, first + part.rows)
      for row in here {
        let column = row % panelWidth
        for group in 0..<groups {
          let from = (row - first) * groups + group
          let place = panel * groups + group
          scales[place * panelWidth + column] = part.scales[from]
          minimums?[place * panelWidth + column] = part.minimumWithoutZero(from)
          let to = codes + place * bits * 64 + column * 4
          for k in 0..<groupSize {
            let code = part.codes[from * groupSize + k]
            if bits == 8 {
              to[k / 4 * 64 + k % 4] = code
            } else {
              to[k / 4 % 4 * 64 + k % 4] |= k < groupSize / 2 ? code : code << 4
            }
          }
        }
      }
    }
  }

  /// out[m, rows] = x · Wᵀ + bias, from the first `m` rows of `x`.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing Int8Rows, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    tiles(x).multiply(out, m: m, n: rows, bias: bias)
  }

  /// out[m, width] = f(x · gateᵀ) · (x · upᵀ), f the unit's, of a weight in the order of `GateAndUp`.
  public borrowing func multiplyGated(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing Int8Rows, m: Int, width: Int,
    _ unit: GatedLinearUnit = .swiGLU
  ) {
    tiles(x).multiplyGated(out, m: m, width: width, unit)
  }

  private borrowing func tiles(_ x: borrowing Int8Rows) -> Int8Tiles {
    let weights = denju_int8_weights(
      codes: codes.base, bits: Int32(bits), zero: zero, scales: scales.base,
      minimums: minimums.count > 0 ? minimums.base : nil)
    return Int8Tiles(left: x.coded(), weights: weights, groups: groups)
  }
}

/// What a product with small codes reads, while both operands live.
private struct Int8Tiles: ProductTiles {
  let left: denju_int8_rows
  let weights: denju_int8_weights
  let groups: Int

  func compute(
    _ out: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>,
    bias: UnsafePointer<Float>?
  ) {
    int8Kernels.pointee.multiply_block(
      rows.lowerBound, rows.count, columns.lowerBound, columns.count, groups, left, weights, out,
      stride, bias)
  }
}
