/// A JSON value as model files use it: integers exact to 64 bits, strings byte for byte, objects
/// in the file's order with keys told apart by their UTF-8 bytes.
///
/// Foundation's parsers keep one of two equal keys in silence, and treat keys that are canonically
/// equivalent Unicode as equal; a tensor header or a vocabulary can afford neither.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// The kind of value, for error lines.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The value on one line, for error lines: scalars as they are, containers by their kind.
  public var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): "\"\(value)\""
    case .array(let values): "an array of \(values.count)"
    case .object(let object): "an object of \(object.count) keys"
    }
  }
}

/// An object's members in the file's order, found by the UTF-8 bytes of their keys.
public struct JSONObject: Sendable {
  public private(set) var members: [(key: String, value: JSONValue)] = []

  /// Places by key, once there are more members than a search from the front is good for.
  private var index: [[UInt8]: Int] = [:]
  private static let searchedCount = 8

  init() {}

  public var count: Int { members.count }

  public subscript(key: String) -> JSONValue? {
    place(of: key).map { members[$0].value }
  }

  private func place(of key: String) -> Int? {
    members.count > Self.searchedCount
      ? index[Array(key.utf8)]
      : members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
  }

  /// Adds a member; false, and nothing is changed, when the key is there already.
  mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    if members.count < Self.searchedCount {
      guard place(of: key) == nil else { return false }
    } else {
      if index.isEmpty {
        for (place, member) in members.enumerated() { index[Array(member.key.utf8)] = place }
      }
      let bytes = Array(key.utf8)
      guard index[bytes] == nil else { return false }
      index[bytes] = members.count
    }
    members.append((key, value))
    return true
  }
}
