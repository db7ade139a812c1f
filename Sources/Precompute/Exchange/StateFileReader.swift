import FeatureCache
import Foundation
import Identity
import ModelFiles
import Numerics

/// A safetensors file of states. What is wrong with it is told as of such a file, not as of a model's.
struct StateFileReader {
  let path: String
  private let tensors: TensorCatalogue

  init(_ path: String) throws(PrecomputeError) {
    self.path = path
    tensors = try Self.reading { () throws(ModelFileError) in try TensorCatalogue.open(path) }
  }

  var names: [String] { tensors.names }

  func has(_ name: String) -> Bool { tensors[name] != nil }

  func bytes(_ name: String) throws(PrecomputeError) -> [UInt8] {
    try Self.reading { () throws(ModelFileError) in try tensors.bytes(name) }
  }

  func integers(_ name: String) throws(PrecomputeError) -> [Int64] {
    try Self.reading { () throws(ModelFileError) in try tensors.integers(name) }
  }

  func floats(_ name: String, shape: [Int]) throws(PrecomputeError) -> [Float] {
    try Self.reading { () throws(ModelFileError) in try tensors.floats(name, shape: shape) }
  }

  /// A tensor that is JSON in bytes.
  func decode<Value: Decodable>(
    _ type: Value.Type, _ name: String
  ) throws(PrecomputeError) -> Value {
    let text = Data(try bytes(name))
    guard let value = try? JSONDecoder().decode(type, from: text) else {
      throw problem("its `\(name)` is damaged")
    }
    return value
  }

  /// The name of the identity that the file has; `nil` where it has none.
  private var identityName: String? {
    StateScope.allCases.map(StateFile.identity).first(where: has)
  }

  var hasIdentity: Bool { identityName != nil }

  /// Whose states the file says it has, each field of it possible.
  func identity() throws(PrecomputeError) -> CacheIdentity {
    let name = identityName ?? StateFile.identity(.causal)
    let identity = try decode(CacheIdentity.self, name)
    guard StateFile.identity(identity.scope) == name else {
      throw problem("its `\(name)` is of other states than its name says")
    }
    let checks: [(field: String, value: String, isPossible: Bool)] = [
      ("weights", identity.weights, Self.isHash(identity.weights)),
      ("tokenizer", identity.tokenizer, Self.isHash(identity.tokenizer)),
      ("layer", "\(identity.layer)", 0...10_000 ~= identity.layer),
      ("width", "\(identity.width)", 1...(1 << 20) ~= identity.width),
      ("precision", identity.precision, Precision(rawValue: identity.precision) != nil),
      ("codec", identity.codec, Self.isName(identity.codec)),
      ("numerics", identity.numerics, Self.isName(identity.numerics)),
      (
        "architecture", identity.architecture,
        (try? JSONSerialization.jsonObject(with: Data(identity.architecture.utf8))) is [String: Any]
      ),
    ]
    for check in checks where !check.isPossible {
      throw problem(
        "its identity is not possible: its \(check.field) is `\(check.value.prefix(72))`")
    }
    return identity
  }

  func problem(_ problem: String) -> PrecomputeError {
    .statesFile(path: path, problem: problem)
  }

  /// SHA-256 as 64 hexadecimal digits.
  private static func isHash(_ text: String) -> Bool {
    text.utf8.count == 64 && text.utf8.allSatisfy(Array("0123456789abcdef".utf8).contains)
  }

  /// A line of text, not a long one.
  private static func isName(_ text: String) -> Bool {
    1...400 ~= text.utf8.count
      && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  private static func reading<Value>(
    _ body: () throws(ModelFileError) -> Value
  ) throws(PrecomputeError) -> Value {
    do throws(ModelFileError) {
      return try body()
    } catch {
      switch error {
      case .unreadable(let file, let reason), .unwritable(let file, let reason):
        throw .statesFile(path: file, problem: "can't be read: \(reason)")
      case .malformed(let file, let item, let expected, let found),
        .mismatch(let file, let item, let expected, let found):
        throw .statesFile(
          path: file,
          problem: "\(item): expected \(expected), found \(found): export the states again")
      case .missing(let file, let item, _):
        throw .statesFile(path: file, problem: "\(item) is missing")
      case .unsupported(let file, let item, let found, let supported):
        throw .statesFile(path: file, problem: "\(item) is \(found), and can be \(supported)")
      }
    }
  }
}
