import Foundation

/// Token ids as bytes.
package enum TokenIDs {
  /// 4 little-endian bytes an id: what keys and checksums are hashes over, however a row has the ids.
  static func bytes(_ ids: some Collection<Int32>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 4 * ids.count) { bytes, count in
      let bytes = UnsafeMutableRawBufferPointer(bytes)
      for id in ids {
        bytes.storeBytes(of: id.littleEndian, toByteOffset: count, as: Int32.self)
        count += 4
      }
    }
  }

  /// As a row has them: `width` little-endian bytes an id.
  static func packed(_ ids: [Int32]) -> [UInt8] {
    guard width(ids) == 2 else { return bytes(ids) }
    return ids.flatMap { id in [UInt8(truncatingIfNeeded: id), UInt8(truncatingIfNeeded: id >> 8)] }
  }

  /// The `count` ids that a row says it has; `nil` when its bytes are not so many, at 2 or 4 an id.
  /// (Before version 3 of the schema, every id had 4.)
  static func ids(_ packed: Data, count: Int) -> [Int32]? {
    guard count > 0 else { return count == 0 && packed.isEmpty ? [] : nil }
    let (width, rest) = packed.count.quotientAndRemainder(dividingBy: count)
    guard rest == 0, width == 2 || width == 4 else { return nil }
    return packed.withUnsafeBytes { bytes in
      (0..<count).map { place in
        width == 2
          ? Int32(
            UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self)))
          : Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: Int32.self))
      }
    }
  }

  /// Bytes that each of these ids takes in a row: 2 where all are under 65,536, else 4.
  package static func width(_ ids: [Int32]) -> Int {
    ids.allSatisfy { 0...Int32(UInt16.max) ~= $0 } ? 2 : 4
  }

  /// Bytes that an id of a vocabulary of so many takes in a row, at most.
  package static func width(vocabulary: Int) -> Int {
    vocabulary <= Int(UInt16.max) + 1 ? 2 : 4
  }
}
