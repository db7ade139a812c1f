import CKernels

/// Reads symbols that were coded with rANS: arithmetic coding by tables of frequencies.
public struct EntropyDecoder {
  /// Symbols of a table.
  public static let symbols = Int(DENJU_SYMBOLS)
  /// What a table's frequencies add up to, as a power of two.
  public static let frequencyBits = Int(DENJU_FREQUENCY_BITS)
  /// What both of a stream's states end as, and its writer began with.
  public static let finalState: UInt32 = 1 << 16

  private var stream: denju_rans

  /// The bytes must outlive the decoder. `nil`: they are too few.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 8, let base = bytes.bindMemory(to: UInt8.self).baseAddress else {
      return nil
    }
    let states = [0, 4].map {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
    }
    stream = denju_rans(
      states: (states[0], states[1]), next: base + 8, end: base + bytes.count)
  }

  /// Everything was read, and ended as it was begun: nothing else ends so but by chance.
  public var isComplete: Bool {
    stream.states == (Self.finalState, Self.finalState) && stream.next == stream.end
  }

  /// Reads symbols, one by each of the given tables; false where the stream ends before them.
  ///
  /// - Parameter starts: [tables, symbols]: the frequencies before a symbol's, the first 0.
  public mutating func read(
    _ symbols: UnsafeMutablePointer<UInt8>, count: Int, tables: UnsafePointer<UInt8>,
    starts: UnsafePointer<UInt16>
  ) -> Bool {
    roundingKernels.pointee.rans_read(&stream, starts, tables, count, symbols) == 0
  }
}
