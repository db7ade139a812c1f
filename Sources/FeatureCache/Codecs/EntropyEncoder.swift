import Numerics

/// Codes symbols with rANS (Duda, arXiv 1311.2540), for `EntropyDecoder`. They are kept until the end, since
/// what is read first is written last.
struct EntropyEncoder {
  /// Places in the tables: table * symbols + symbol.
  private var places: [UInt16] = []

  mutating func reserve(_ count: Int) {
    places.reserveCapacity(count)
  }

  mutating func append(_ symbol: UInt8, table: UInt8) {
    places.append(Self.place(symbol, table))
  }

  /// - Parameters:
  ///   - symbols: [count]
  ///   - tables: [count]
  mutating func append(
    _ symbols: UnsafePointer<UInt8>, tables: UnsafePointer<UInt8>, count: Int
  ) {
    let first = places.count
    places.append(contentsOf: repeatElement(0, count: count))
    places.withUnsafeMutableBufferPointer { places in
      guard let next = places.baseAddress.map({ $0 + first }) else { return }
      for index in 0..<count { next[index] = Self.place(symbols[index], tables[index]) }
    }
  }

  @inline(__always)
  private static func place(_ symbol: UInt8, _ table: UInt8) -> UInt16 {
    UInt16(table) &* UInt16(EntropyDecoder.symbols) &+ UInt16(symbol)
  }

  /// The stream: the states that it is to be read with first and second, 4 bytes each, then words of 2 bytes.
  ///
  /// - Parameter starts: [tables, symbols]; see `EntropyDecoder.read`.
  func finish(starts: [UInt16]) -> [UInt8] {
    let (width, bits) = (EntropyDecoder.symbols, EntropyDecoder.frequencyBits)
    // The states take turns: this one is of the symbol at hand, and after the last the one that is read first.
    var (state, other) = (EntropyDecoder.finalState, EntropyDecoder.finalState)
    // From the end to the start.
    var words: [UInt16] = []
    words.reserveCapacity(places.count / 4)
    starts.withUnsafeBufferPointer { starts in
      for place in places.reversed() {
        swap(&state, &other)
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
    bytes.reserveCapacity(8 + 2 * words.count)
    for state in [state, other] {
      withUnsafeBytes(of: state.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for word in words.reversed() {
      bytes.append(UInt8(truncatingIfNeeded: word))
      bytes.append(UInt8(truncatingIfNeeded: word >> 8))
    }
    return bytes
  }
}
