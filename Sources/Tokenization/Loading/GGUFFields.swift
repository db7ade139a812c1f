import ModelFiles

/// A GGUF file's metadata with this module's errors, where an absent key is nil.
struct GGUFFields {
  let gguf: GGUFFile

  var file: String { gguf.path }

  func string(_ key: String) throws(TokenizerError) -> String? {
    try value(key) { () throws(ModelFileError) in try gguf.string(key) }
  }

  func bool(_ key: String) throws(TokenizerError) -> Bool? {
    try value(key) { () throws(ModelFileError) in try gguf.bool(key) }
  }

  func integer(_ key: String) throws(TokenizerError) -> Int64? {
    try value(key) { () throws(ModelFileError) in try gguf.integer(key) }
  }

  func strings(_ key: String) throws(TokenizerError) -> [[UInt8]] {
    try TokenizerError.wrapping { () throws(ModelFileError) in try gguf.strings(key) }
  }

  func floats(_ key: String) throws(TokenizerError) -> [Float] {
    try TokenizerError.wrapping { () throws(ModelFileError) in try gguf.floats(key) }
  }

  func integers(_ key: String) throws(TokenizerError) -> [Int64] {
    try TokenizerError.wrapping { () throws(ModelFileError) in try gguf.integers(key) }
  }

  /// Bytes, as an array of integers whose type may have a sign.
  func bytes(_ key: String) throws(TokenizerError) -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, value) in try integers(key).enumerated() {
      guard (-128...255).contains(value) else {
        throw .malformed(
          file: file, item: "\(key)[\(index)]", expected: "a byte", found: String(value))
      }
      bytes.append(UInt8(truncatingIfNeeded: value))
    }
    return bytes
  }

  /// Refuses a true value of `key`.
  func refuse(_ key: String, advice: String) throws(TokenizerError) {
    if try bool(key) == true {
      throw .unsupported(file: file, item: key, found: "true", advice: advice)
    }
  }

  private func value<Value>(
    _ key: String, _ read: () throws(ModelFileError) -> Value
  ) throws(TokenizerError) -> Value? {
    gguf.contains(key) ? try TokenizerError.wrapping(read) : nil
  }
}
