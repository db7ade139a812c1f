import Numerics

// Block formats in which 32 neighbours share a scale, as codes with scales and minimums: nothing is
// rounded on the way. The other K-quants have groups of 16, which `GroupedCodes` cannot say.

extension TensorEntry {
  /// The codes of a weight [rows, columns]; nil where the type has none of this form.
  func groupedCodes() throws(ModelFileError) -> GroupedCodes? {
    try requireFloatingPoint()
    guard let form = BlockForm(elementType), shape.count == 2, elementCount > 0 else { return nil }
    let groups = elementCount / GroupedCodes.groupSize
    var scales = [Float](repeating: 0, count: groups)
    var minimums = [Float](repeating: 0, count: form.hasMinimums ? groups : 0)
    let codes = [UInt8](unsafeUninitializedCapacity: elementCount) { codes, count in
      scales.withUnsafeMutableBufferPointer { scales in
        minimums.withUnsafeMutableBufferPointer { minimums in
          guard let codes = codes.baseAddress, let scales = scales.baseAddress else { return }
          // An empty array has an address too.
          let minimum = form.hasMinimums ? minimums.baseAddress : nil
          readRows { source, row, columns in
            let first = row * columns
            let group = first / GroupedCodes.groupSize
            form.unpack(source, columns, codes + first, scales + group, minimum.map { $0 + group })
          }
        }
      }
      count = elementCount
    }
    return GroupedCodes(
      rows: shape[0], columns: shape[1], bits: form.bits, zero: form.zero, codes: codes,
      scales: scales, minimums: form.hasMinimums ? minimums : nil)
  }
}

/// How a block format's codes read.
private struct BlockForm {
  private let type: ElementType
  let bits: Int
  let zero: Int32
  let hasMinimums: Bool

  init?(_ type: ElementType) {
    self.type = type
    switch type {
    case .q4_0: (bits, zero, hasMinimums) = (4, 8, false)
    case .q4_1: (bits, zero, hasMinimums) = (4, 0, true)
    case .q5_0: (bits, zero, hasMinimums) = (8, 16, false)
    case .q5_1: (bits, zero, hasMinimums) = (8, 0, true)
    case .q8_0: (bits, zero, hasMinimums) = (8, 128, false)
    case .q4_K: (bits, zero, hasMinimums) = (4, 0, true)
    case .q5_K: (bits, zero, hasMinimums) = (8, 0, true)
    default: return nil
    }
  }

  /// Unpacks a row of `columns` elements.
  func unpack(
    _ source: UnsafeRawPointer, _ columns: Int, _ codes: UnsafeMutablePointer<UInt8>,
    _ scales: UnsafeMutablePointer<Float>, _ minimums: UnsafeMutablePointer<Float>?
  ) {
    for block in 0..<columns / type.blockElements {
      let base = source + block * type.blockBytes
      let to = codes + block * type.blockElements
      switch type {
      case .q4_K, .q5_K: superBlock(base, to, scales + block * 8, minimums.map { $0 + block * 8 })
      default:
        scales[block] = half(base, 0)
        minimums?[block] = half(base, 2)
        plainBlock(base, to)
      }
    }
  }

  private func plainBlock(_ base: UnsafeRawPointer, _ to: UnsafeMutablePointer<UInt8>) {
    let scaleBytes = hasMinimums ? 4 : 2
    if type == .q8_0 {
      for i in 0..<32 { to[i] = base.load(fromByteOffset: 2 + i, as: UInt8.self) &+ 128 }
      return
    }
    let hasFifths = bits == 8
    let fifths =
      hasFifths ? base.loadUnaligned(fromByteOffset: scaleBytes, as: UInt32.self) : 0
    let nibbles = base + scaleBytes + (hasFifths ? 4 : 0)
    for i in 0..<16 {
      let byte = nibbles.load(fromByteOffset: i, as: UInt8.self)
      to[i] = byte & 15 | UInt8(truncatingIfNeeded: fifths >> UInt32(i) & 1) << 4
      to[i + 16] = byte >> 4 | UInt8(truncatingIfNeeded: fifths >> UInt32(i + 16) & 1) << 4
    }
  }

  private func superBlock(
    _ base: UnsafeRawPointer, _ to: UnsafeMutablePointer<UInt8>,
    _ scales: UnsafeMutablePointer<Float>, _ minimums: UnsafeMutablePointer<Float>?
  ) {
    let (d, dmin) = (half(base, 0), half(base, 2))
    let quants = base + (type == .q5_K ? 48 : 16)
    for sub in 0..<8 {
      let (s, m) = scaleAndMinimum(base + 4, sub)
      scales[sub] = d * Float(s)
      minimums?[sub] = -(dmin * Float(m))
      for l in 0..<32 {
        let byte = quants.load(fromByteOffset: (sub >> 1) * 32 + l, as: UInt8.self)
        var code = sub & 1 == 0 ? byte & 15 : byte >> 4
        if type == .q5_K {
          code |= (base.load(fromByteOffset: 16 + l, as: UInt8.self) >> UInt8(sub) & 1) << 4
        }
        to[sub * 32 + l] = code
      }
    }
  }
}
