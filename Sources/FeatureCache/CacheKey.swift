import Crypto
import Foundation

/// The 256-bit key that encrypted caches are opened with. It is never stored.
public struct CacheKey: Sendable {
  let key: SymmetricKey

  /// Where the program looks for it: the key itself, or the name of a file that has it.
  public static let variables = (key: "DENJU_CACHE_KEY", file: "DENJU_CACHE_KEY_FILE")

  /// 64 hexadecimal digits, as `openssl rand -hex 32` prints them.
  public init(hexadecimal text: String, from place: String) throws(CacheError) {
    let digits = text.trimmingCharacters(in: .whitespacesAndNewlines).utf8.map {
      Character(UnicodeScalar($0)).hexDigitValue
    }
    var bytes: [UInt8] = []
    for pair in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let high = digits[pair], let low = digits[pair + 1] else { break }
      bytes.append(UInt8(high << 4 | low))
    }
    guard digits.count == 64, bytes.count == 32 else { throw .badKey(place: place) }
    key = SymmetricKey(data: bytes)
  }

  public init(file: String) throws(CacheError) {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw .refused(path: file, operation: "read the key in", reason: "it can't be read")
    }
    try self.init(hexadecimal: String(decoding: data.prefix(200), as: UTF8.self), from: file)
  }

  /// What fits for caches of this key have for a salt: the same in all of them, so that shards merge.
  public var codecSalt: [UInt8] {
    let code = HMAC<SHA256>.authenticationCode(for: Data("denju codec salt 1".utf8), using: key)
    return Array(code.prefix(TransformFit.noSalt.count))
  }

  /// The key that the environment names; `nil` when it names none.
  public static func fromEnvironment() throws(CacheError) -> CacheKey? {
    let environment = ProcessInfo.processInfo.environment
    if let text = environment[variables.key] {
      return try CacheKey(hexadecimal: text, from: variables.key)
    }
    return try environment[variables.file].map { file throws(CacheError) in
      try CacheKey(file: file)
    }
  }
}
