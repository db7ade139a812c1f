import ModelFiles

/// Typed access to the members of a JSON object; every error names the file and the member.
struct FieldReader {
  let file: String
  /// Where the object is, for errors: `model`, `added_tokens[3]`; empty at the top.
  let path: String
  let object: JSONObject

  init(_ value: JSONValue, file: String, path: String = "") throws(TokenizerError) {
    guard case .object(let object) = value else {
      throw .malformed(
        file: file, item: path.isEmpty ? "the file" : path, expected: "an object",
        found: value.kind)
    }
    self.file = file
    self.path = path
    self.object = object
  }

  func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// The member, nil where it is absent or null.
  func value(_ key: String) -> JSONValue? {
    guard let value = object[key] else { return nil }
    if case .null = value { return nil }
    return value
  }

  func required(_ key: String) throws(TokenizerError) -> JSONValue {
    guard let value = value(key) else { throw .missing(file: file, item: name(key)) }
    return value
  }

  func reader(_ key: String) throws(TokenizerError) -> FieldReader? {
    guard let value = value(key) else { return nil }
    return try FieldReader(value, file: file, path: name(key))
  }

  func string(_ key: String) throws(TokenizerError) -> String? {
    guard let value = value(key) else { return nil }
    guard case .string(let text) = value else { throw mismatch(key, "a string", value) }
    return text
  }

  func bool(_ key: String) throws(TokenizerError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard case .bool(let flag) = value else { throw mismatch(key, "true or false", value) }
    return flag
  }

  func integer(_ key: String) throws(TokenizerError) -> Int64? {
    guard let value = value(key) else { return nil }
    guard case .integer(let number) = value else { throw mismatch(key, "an integer", value) }
    return number
  }

  func array(_ key: String) throws(TokenizerError) -> [JSONValue]? {
    guard let value = value(key) else { return nil }
    guard case .array(let values) = value else { throw mismatch(key, "an array", value) }
    return values
  }

  /// A token id: an integer that fits one and is not negative.
  func tokenID(_ key: String) throws(TokenizerError) -> Int32? {
    guard let number = try integer(key) else { return nil }
    return try FieldReader.tokenID(number, file: file, item: name(key))
  }

  static func tokenID(
    _ number: Int64, file: String, item: String
  ) throws(TokenizerError) -> Int32 {
    guard number >= 0, let id = Int32(exactly: number) else {
      throw .malformed(
        file: file, item: item, expected: "a token id", found: String(number))
    }
    return id
  }

  /// A list of token ids; none where it is absent.
  func tokenIDs(_ key: String) throws(TokenizerError) -> [Int32] {
    let values = try array(key) ?? []
    var ids: [Int32] = []
    ids.reserveCapacity(values.count)
    for value in values {
      guard case .integer(let number) = value else { throw mismatch(key, "token ids", value) }
      ids.append(try FieldReader.tokenID(number, file: file, item: key))
    }
    return ids
  }

  /// A vocabulary written as an object of tokens and ids.
  func vocabulary(_ key: String) throws(TokenizerError) -> [(spelling: [UInt8], id: Int64)] {
    let value = try required(key)
    guard case .object(let object) = value else {
      throw mismatch(key, "an object of tokens and ids", value)
    }
    var listed: [(spelling: [UInt8], id: Int64)] = []
    listed.reserveCapacity(object.count)
    for (token, value) in object.members {
      guard case .integer(let id) = value else {
        throw .malformed(
          file: file, item: "\(name(key))[\(quoted(token))]", expected: "an id",
          found: value.kind)
      }
      listed.append((Array(token.utf8), id))
    }
    return listed
  }

  /// Refuses a true value of `key`.
  func refuse(_ key: String, advice: String) throws(TokenizerError) {
    if try bool(key) == true {
      throw .unsupported(file: file, item: name(key), found: "true", advice: advice)
    }
  }

  func mismatch(_ key: String, _ expected: String, _ value: JSONValue) -> TokenizerError {
    .malformed(file: file, item: name(key), expected: expected, found: value.kind)
  }
}

extension JSONValue {
  /// Parses `bytes`, with this module's error.
  static func parsed(_ bytes: [UInt8], file: String) throws(TokenizerError) -> JSONValue {
    try TokenizerError.wrapping { () throws(ModelFileError) in
      try JSONValue(parsing: bytes, file: file)
    }
  }
}
