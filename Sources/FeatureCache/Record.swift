import Crypto
import Foundation

/// The values of consecutive tokens, coded and ready to be stored.
public struct CacheRecord: Equatable, Sendable {
  public let key: RecordKey
  /// The record before; `nil` at the start of a text.
  public let parent: RecordKey?
  /// Position of the first token in the text.
  public let first: Int
  public let ids: [Int32]
  let codec: String
  let payload: Data
  let rawByteCount: Int
  let error: CodingError

  init(
    key: RecordKey, parent: RecordKey?, first: Int, ids: [Int32], codec: String, payload: Data,
    rawByteCount: Int, error: CodingError
  ) {
    self.key = key
    self.parent = parent
    self.first = first
    self.ids = ids
    self.codec = codec
    self.payload = payload
    self.rawByteCount = rawByteCount
    self.error = error
  }

  /// A record of any bytes, to measure a store with.
  package init(_ link: ChainLink, ids: [Int32], codec: String, payload: some Sequence<UInt8>) {
    let payload = Data(payload)
    self.init(
      key: link.key, parent: link.parent, first: link.range.lowerBound, ids: ids, codec: codec,
      payload: payload, rawByteCount: payload.count, error: CodingError(relative: 0, largest: 0))
  }

  /// Bytes it will take in the cache, without the row around it.
  public var byteCount: Int { payload.count }

  /// Over everything that reading depends on.
  func checksum(stream: [UInt8], secret: SymmetricKey?) -> [UInt8] {
    var hash = FramedHash("denju record row 1", key: secret)
    hash.add(stream)
    hash.add(key.bytes)
    hash.add(parent?.bytes ?? [])
    hash.add(first)
    hash.add(TokenIDs.bytes(ids))
    hash.add(codec)
    hash.add(payload)
    hash.add(rawByteCount)
    hash.add(error.relative)
    hash.add(error.largest)
    return hash.finalize()
  }
}

/// What a codec lost.
struct CodingError: Equatable, Sendable {
  /// |decoded - computed| / |computed|, Euclidean over a record; 0 when both vanish.
  let relative: Double
  /// Largest |decoded - computed|.
  let largest: Double

  init(relative: Double, largest: Double) {
    self.relative = relative
    self.largest = largest
  }

  /// Sums run in one fixed order, so that a recomputed record is the same to the bit.
  init(computed: UnsafePointer<Float>, decoded: UnsafePointer<Float>, count: Int) {
    var difference = 0.0
    var size = 0.0
    var largest = 0.0
    for index in 0..<count {
      let value = Double(computed[index])
      let error = Double(decoded[index]) - value
      difference += error * error
      size += value * value
      largest = max(largest, abs(error))
    }
    self.relative = size > 0 ? (difference / size).squareRoot() : 0
    self.largest = largest
  }
}
