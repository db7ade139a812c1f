import CKernels
import Numerics
import Testing

/// The entropy decoder against plain code, on every instruction set.
@Suite struct EntropyDecoderTests {
  private static let symbols = EntropyDecoder.symbols
  private static let total = UInt32(1 << EntropyDecoder.frequencyBits)

  /// [tables, symbols]: where frequencies begin, 1 at least each; the first table's nearly all in one symbol.
  private func starts(tables: Int) -> [UInt16] {
    var generator = SeededGenerator(seed: 31)
    return (0..<tables).flatMap { table -> [UInt16] in
      let cuts =
        table == 0
        ? (1..<Self.symbols).map { $0 < 7 ? $0 : Int(Self.total) - Self.symbols + $0 }
        : Array((1..<Int(Self.total)).shuffled(using: &generator).prefix(Self.symbols - 1)).sorted()
      return [0] + cuts.map { UInt16($0) }
    }
  }

  /// What a stream holds; `nil` where it ends before `tables` do.
  private func read(_ stream: [UInt8], _ tables: [UInt8], _ starts: [UInt16]) -> [UInt8]? {
    var bytes = stream[...]
    func word(_ count: Int) -> UInt32 {
      defer { bytes = bytes.dropFirst(count) }
      return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    var states = [word(4), word(4)]
    var symbols: [UInt8] = []
    for (index, table) in tables.enumerated() {
      let row = starts[Int(table) * Self.symbols..<(Int(table) + 1) * Self.symbols].map(UInt32.init)
      var state = states[index % 2]
      let slot = state % Self.total
      let symbol = row.lastIndex { $0 <= slot }!
      let end = symbol + 1 < row.count ? row[symbol + 1] : Self.total
      state = (end - row[symbol]) &* (state / Self.total) &+ slot &- row[symbol]
      if state < 1 << 16 {
        guard bytes.count >= 2 else { return nil }
        state = state << 16 | word(2)
      }
      states[index % 2] = state
      symbols.append(UInt8(symbol))
    }
    return symbols
  }

  @Test func allInstructionSetsReadWhatPlainCodeDoes() throws {
    var generator = SeededGenerator(seed: 32)
    let starts = starts(tables: 9)
    let stream = (0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let tables = (0..<2001).map { _ in UInt8.random(in: 0..<9, using: &generator) }
    let expected = try #require(read(stream, tables, starts))
    #expect(Set(expected).count == Self.symbols)
    for level in [DENJU_PORTABLE, DENJU_AVX2, DENJU_AVX512] {
      let read = try #require(denju_rounding_kernels_for(level)).pointee.rans_read
      for length in [8, 9, 100, 4000] {
        var symbols = [UInt8](repeating: 0xFF, count: tables.count)
        let status = stream.withUnsafeBufferPointer { bytes -> Int32? in
          let states = (0..<2).map { state in
            (0..<4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[4 * state + $1]) }
          }
          let base = bytes.baseAddress!
          var rans = denju_rans(states: (states[0], states[1]), next: base + 8, end: base + length)
          return read?(&rans, starts, tables, tables.count, &symbols)
        }
        #expect(status == (length == 4000 ? 0 : -1))
        if length == 4000 { #expect(symbols == expected) }
      }
    }
  }
}
