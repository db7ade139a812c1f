import Numerics

/// Codes symbols with rANS (Duda, arXiv 1311.2540), for `EntropyDecoder`. They are kept until the end, since
/// what is read first is written last.
struct EntropyEncoder {
  /// Places in the tables: table * symbols + symbol.
  private var places: [UInt16] = []

  mutating func reserve(_ count: Int) {
    places.reserveCapacity(count)
  }

  @inline(__always)
  mutating func append(_ symbol: UInt8, table: UInt8) {
    places.append(UInt16(table) * UInt16(EntropyDecoder.symbols) + UInt16(symbol))
  }

  /// The stream: its first state as 4 bytes, then words of 2 bytes.
  ///
  /// - Parameter starts: [tables, symbols]; see `EntropyDecoder.read`.
  func finish(starts: [UInt16]) -> [UInt8] {
    let (width, bits) = (EntropyDecoder.symbols, EntropyDecoder.frequencyBits)
    var state = EntropyDecoder.finalState
    // From the end to the start.
    var words: [UInt16] = []
    words.reserveCapacity(places.count / 4)
    starts.withUnsafeBufferPointer { starts in
      for place in places.reversed() {
        let place = Int(place)
        let start = UInt32(starts[place])
        let end = (place + 1) % width > 0 ? UInt32(starts[place + 1]) : 1 << bits
        let frequency = end - start
        if state >> (32 - UInt32(bits)) >= frequency {
          words.append(UInt16(truncatingIfNeeded: state))
          state >>= 16
        }
        let (quotient, remainder) = state.quotientAndRemainder(dividingBy: frequency)
        state = quotient << UInt32(bits) + remainder + start
      }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + 2 * words.count)
    withUnsafeBytes(of: state.littleEndian) { bytes.append(contentsOf: $0) }
    for word in words.reversed() {
      bytes.append(UInt8(truncatingIfNeeded: word))
      bytes.append(UInt8(truncatingIfNeeded: word >> 8))
    }
    return bytes
  }
}
