/// A `config.json` read key by key, with the key's name in every error.
public struct ConfigurationReader: Sendable {
  public let object: JSONObject
  public let file: String

  public init(path: String) throws(ModelFileError) {
    try self.init(JSONValue(contentsOf: path), file: path)
  }

  public init(_ value: JSONValue, file: String) throws(ModelFileError) {
    guard case .object(let object) = value else {
      throw .malformed(
        file: file, item: "the configuration", expected: "an object", found: value.kind)
    }
    self.object = object
    self.file = file
  }

  /// The same object with `values` in place of its own, and `defaults` for keys that it has not.
  public func with(
    _ values: [String: JSONValue], defaults: [String: JSONValue]
  ) -> ConfigurationReader {
    var changed = JSONObject()
    for (key, value) in object.members { _ = changed.append(key, values[key] ?? value) }
    for (key, value) in values.merging(defaults, uniquingKeysWith: { value, _ in value }) {
      _ = changed.append(key, value)
    }
    return ConfigurationReader(changed, file: file)
  }

  private init(_ object: JSONObject, file: String) {
    self.object = object
    self.file = file
  }

  /// The value of a key; nil when it is absent or null, which mean the same in transformers.
  public func value(_ key: String) -> JSONValue? {
    guard let value = object[key] else { return nil }
    if case .null = value { return nil }
    return value
  }

  public func integer(_ key: String) throws(ModelFileError) -> Int? {
    switch value(key) {
    case nil: return nil
    case .integer(let integer)?: return Int(integer)
    case let other?: throw wrongType(key, "a whole number", other)
    }
  }

  public func integers(_ key: String) throws(ModelFileError) -> [Int]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else { throw wrongType(key, "whole numbers", value) }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element else {
        throw wrongType(key, "whole numbers", element)
      }
      integers.append(Int(integer))
    }
    return integers
  }

  /// The integer of `key`, or of the other name that transformers accepts for it.
  public func requiredInteger(
    _ key: String, or otherName: String? = nil
  ) throws(ModelFileError) -> Int {
    if let integer = try integer(key) { return integer }
    guard let otherName, let integer = try integer(otherName) else { throw missing(key) }
    return integer
  }

  public func float(_ key: String) throws(ModelFileError) -> Float? {
    switch value(key) {
    case nil: return nil
    case .integer(let integer)?: return Float(integer)
    case .number(let number)?: return Float(number)
    case let other?: throw wrongType(key, "a number", other)
    }
  }

  public func requiredFloat(_ key: String) throws(ModelFileError) -> Float {
    guard let value = try float(key) else { throw missing(key) }
    return value
  }

  public func requiredBool(_ key: String) throws(ModelFileError) -> Bool {
    guard let value = try bool(key) else { throw missing(key) }
    return value
  }

  public func floats(_ key: String) throws(ModelFileError) -> [Float]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else { throw wrongType(key, "numbers", value) }
    var floats: [Float] = []
    for element in elements {
      switch element {
      case .integer(let integer): floats.append(Float(integer))
      case .number(let number): floats.append(Float(number))
      default: throw wrongType(key, "numbers", element)
      }
    }
    return floats
  }

  public func bool(_ key: String) throws(ModelFileError) -> Bool? {
    switch value(key) {
    case nil: return nil
    case .bool(let bool)?: return bool
    case let other?: throw wrongType(key, "true or false", other)
    }
  }

  public func string(_ key: String) throws(ModelFileError) -> String? {
    switch value(key) {
    case nil: return nil
    case .string(let string)?: return string
    case let other?: throw wrongType(key, "a string", other)
    }
  }

  public func strings(_ key: String) throws(ModelFileError) -> [String]? {
    guard let value = value(key) else { return nil }
    guard case .array(let elements) = value else { throw wrongType(key, "strings", value) }
    var strings: [String] = []
    for element in elements {
      guard case .string(let string) = element else { throw wrongType(key, "strings", element) }
      strings.append(string)
    }
    return strings
  }

  /// One token id or several; empty when the key is absent.
  public func tokenIDs(_ key: String) throws(ModelFileError) -> [Int32] {
    let values: [JSONValue]
    switch value(key) {
    case nil: return []
    case .array(let elements)?: values = elements
    case let single?: values = [single]
    }
    var ids: [Int32] = []
    for value in values {
      guard case .integer(let integer) = value, let id = Int32(exactly: integer) else {
        throw wrongType(key, "token ids", value)
      }
      ids.append(id)
    }
    return ids
  }

  /// Refuses a key that is there with another value than the one that is implemented.
  public func refuse(
    _ key: String, unless isImplemented: (JSONValue) -> Bool, supported: String
  ) throws(ModelFileError) {
    guard let value = value(key), !isImplemented(value) else { return }
    throw unsupported(key, value, supported: supported)
  }

  public func unsupported(_ key: String, _ value: JSONValue, supported: String) -> ModelFileError {
    .unsupported(file: file, item: key, found: value.summary, supported: supported)
  }

  public func missing(_ key: String) -> ModelFileError {
    .missing(file: file, item: "key \(key)", advice: "fetch the model's config.json again")
  }

  private func wrongType(_ key: String, _ expected: String, _ value: JSONValue) -> ModelFileError {
    .malformed(file: file, item: key, expected: expected, found: value.summary)
  }
}
