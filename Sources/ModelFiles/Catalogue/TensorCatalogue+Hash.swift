import Crypto

extension TensorCatalogue {
  /// The SHA-256, in hexadecimal, of all tensors sorted by name: name, element type, shape and
  /// bytes as stored. It depends neither on paths nor on how tensors are spread over files.
  ///
  /// The digest runs over, for each tensor: the name and the type's name as UTF-8, each after its
  /// length; the number of dimensions and the dimensions; the heads of a row order (0 when rows
  /// are in Hugging Face's); the length of the data and the data. Every number is a little-endian
  /// 64-bit integer.
  public func sha256() -> String {
    var digest = SHA256()
    for entry in entries {
      digest.update(text: entry.name)
      digest.update(text: entry.elementType.rawValue)
      digest.update(number: entry.shape.count)
      for dimension in entry.shape { digest.update(number: dimension) }
      switch entry.rowOrder {
      case .plain: digest.update(number: 0)
      case .rotaryPairs(let heads): digest.update(number: heads)
      }
      digest.update(number: entry.byteCount)
      entry.withBytes { digest.update(bufferPointer: $0) }
      entry.release()
    }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
      as: UTF8.self)
  }
}

extension SHA256 {
  fileprivate mutating func update(number: Int) {
    withUnsafeBytes(of: UInt64(number).littleEndian) { update(bufferPointer: $0) }
  }

  fileprivate mutating func update(text: String) {
    update(number: text.utf8.count)
    update(data: Array(text.utf8))
  }
}
