import Crypto
import Foundation

/// SHA-256, or HMAC-SHA256 where there is a key, over a sequence of parts, each behind its length as 8
/// little-endian bytes, so that no two different sequences hash the same bytes.
struct FramedHash {
  private var hash = SHA256()
  private var code: HMAC<SHA256>?

  /// A hash that begins with `purpose`, so that hashes of different kinds never meet.
  init(_ purpose: String, key: SymmetricKey? = nil) {
    code = key.map { HMAC<SHA256>(key: $0) }
    add(purpose)
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { update($0) }
    update(bytes)
  }

  private mutating func update(_ bytes: UnsafeRawBufferPointer) {
    if code == nil { hash.update(bufferPointer: bytes) } else { code?.update(data: bytes) }
  }

  mutating func add(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { add($0) }
  }

  mutating func add(_ bytes: Data) {
    bytes.withUnsafeBytes { add($0) }
  }

  mutating func add(_ text: String) {
    add(Array(text.utf8))
  }

  mutating func add(_ number: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { add($0) }
  }

  /// The number's bits: two not-a-numbers of different bits differ, and so do 0 and -0.
  mutating func add(_ number: Double) {
    withUnsafeBytes(of: number.bitPattern.littleEndian) { add($0) }
  }

  /// The 32 bytes of the hash.
  func finalize() -> [UInt8] {
    code.map { Array($0.finalize()) } ?? Array(hash.finalize())
  }
}

/// Lower-case hexadecimal digits, two a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
