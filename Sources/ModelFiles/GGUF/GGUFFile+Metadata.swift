/// Metadata by key and type. A key that is absent is `missing`, one of another type a `mismatch`;
/// `contains` asks first.
extension GGUFFile {
  public func contains(_ key: String) -> Bool { metadata[key] != nil }

  public func string(_ key: String) throws(ModelFileError) -> String {
    let value = try value(key)
    guard case .string(let bytes) = value, let text = String(validating: bytes, as: UTF8.self)
    else { throw mismatch(key, expected: "a UTF-8 string", value) }
    return text
  }

  /// An array of strings as bytes.
  public func strings(_ key: String) throws(ModelFileError) -> [[UInt8]] {
    let value = try value(key)
    guard case .array(.strings(let strings)) = value else {
      throw mismatch(key, expected: "an array of strings", value)
    }
    return strings
  }

  /// An integer of any width.
  public func integer(_ key: String) throws(ModelFileError) -> Int64 {
    let value = try value(key)
    guard let integer = value.integer else { throw mismatch(key, expected: "an integer", value) }
    return integer
  }

  /// An array of integers of any width.
  public func integers(_ key: String) throws(ModelFileError) -> [Int64] {
    let value = try value(key)
    guard case .array(let array) = value, let integers = array.integers else {
      throw mismatch(key, expected: "an array of integers", value)
    }
    return integers
  }

  public func float(_ key: String) throws(ModelFileError) -> Float {
    let value = try value(key)
    guard let number = value.number else { throw mismatch(key, expected: "a number", value) }
    return Float(number)
  }

  public func floats(_ key: String) throws(ModelFileError) -> [Float] {
    let value = try value(key)
    guard case .array(let array) = value, let floats = array.floats else {
      throw mismatch(key, expected: "an array of floating-point numbers", value)
    }
    return floats
  }

  public func bools(_ key: String) throws(ModelFileError) -> [Bool] {
    let value = try value(key)
    guard case .array(let array) = value, let bools = array.bools else {
      throw mismatch(key, expected: "an array of booleans", value)
    }
    return bools
  }

  public func bool(_ key: String) throws(ModelFileError) -> Bool {
    let value = try value(key)
    guard case .bool(let bool) = value else { throw mismatch(key, expected: "a boolean", value) }
    return bool
  }

  private func value(_ key: String) throws(ModelFileError) -> GGUFValue {
    guard let value = metadata[key] else {
      throw .missing(
        file: path, item: "metadata key \(key)", advice: "convert the model again")
    }
    return value
  }

  func mismatch(_ key: String, expected: String, _ value: GGUFValue) -> ModelFileError {
    .mismatch(
      file: path, item: "metadata key \(key)", expected: expected,
      found: "\(value.typeName) \(value)")
  }
}
