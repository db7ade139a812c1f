import Crypto
import Foundation

/// SHA-256, or HMAC-SHA256 where there is a key, over a sequence of parts, each behind its length as 8
/// little-endian bytes, so that no two different sequences hash the same bytes.
struct FramedHash {
  private var hash = SHA256()
  private var code: HMAC<SHA256>?
  /// Small parts wait here, since each call of the hash costs as much as hashing some hundred bytes.
  private var waiting: [UInt8] = []
  private static let room = 512

  /// A hash that begins with `purpose`, so that hashes of different kinds never meet.
  init(_ purpose: String, key: SymmetricKey? = nil) {
    code = key.map { HMAC<SHA256>(key: $0) }
    waiting.reserveCapacity(Self.room)
    add(purpose)
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { append($0) }
    append(bytes)
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if waiting.count + bytes.count > Self.room { flush() }
    if bytes.count > Self.room { update(bytes) } else { waiting.append(contentsOf: bytes) }
  }

  private mutating func flush() {
    var bytes: [UInt8] = []
    swap(&bytes, &waiting)
    bytes.withUnsafeBytes { update($0) }
    bytes.removeAll(keepingCapacity: true)
    swap(&bytes, &waiting)
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
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  mutating func add(_ number: Int) {
    withUnsafeBytes(of: Int64(number).littleEndian) { add($0) }
  }

  /// The number's bits: two not-a-numbers of different bits differ, and so do 0 and -0.
  mutating func add(_ number: Double) {
    withUnsafeBytes(of: number.bitPattern.littleEndian) { add($0) }
  }

  /// The 32 bytes of the hash.
  consuming func finalize() -> [UInt8] {
    flush()
    return code.map { Array($0.finalize()) } ?? Array(hash.finalize())
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
