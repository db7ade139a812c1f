import Crypto
import Foundation
import Numerics

/// Everything that changes the value of a cached hidden state, besides the token ids up to and
/// including it.
///
/// Two caches, or a cache and a request, fit together when their identities are equal. The numerics
/// version alone may be crossed, and only by one who says so.
public struct CacheIdentity: Codable, Hashable, Sendable {
  /// SHA-256 of the source's weights, 64 hexadecimal digits.
  public var weights: String
  /// The source's configuration as JSON with sorted keys; compared byte for byte.
  public var architecture: String
  /// SHA-256 of the serialized tokenizer, 64 hexadecimal digits.
  public var tokenizer: String
  /// 0 is the embedding, N the last layer.
  public var layer: Int
  /// After the final norm.
  public var normalized: Bool
  /// The arithmetic states are computed in, as "float32".
  public var precision: String
  /// Name of the codec.
  public var codec: String
  /// Version of the kernels' arithmetic.
  public var numerics: String
  /// Values a token.
  public var width: Int

  /// Wider than any model's states.
  public static let largestWidth = 1 << 20
  /// Absent where the scope is causal, so that the identity's JSON is what it was before there were others.
  private var widerScope: WiderScope?

  /// Which tokens of its text a state depends on.
  public var scope: StateScope {
    get { widerScope == nil ? .causal : .document }
    set { widerScope = newValue == .causal ? nil : .document }
  }

  private enum WiderScope: String, Codable {
    case document
  }

  private enum CodingKeys: String, CodingKey {
    case weights, architecture, tokenizer, layer, normalized, precision, codec, numerics, width
    case widerScope = "scope"
  }

  public init(
    weights: String, architecture: String, tokenizer: String, layer: Int, normalized: Bool,
    precision: String = "float32", codec: String, numerics: String, width: Int,
    scope: StateScope = .causal
  ) {
    self.weights = weights
    self.architecture = architecture
    self.tokenizer = tokenizer
    self.layer = layer
    self.normalized = normalized
    self.precision = precision
    self.codec = codec
    self.numerics = numerics
    self.width = width
    self.scope = scope
  }

  static let numericsField = "numerics version"

  /// The fields by the names people read, in a fixed order; but for the scope, which the stream's kind says.
  private var fields: [(name: String, value: String)] {
    [
      ("source weights", weights), ("architecture", architecture), ("tokenizer", tokenizer),
      ("layer", String(layer)), ("after the final norm", normalized ? "yes" : "no"),
      ("precision", precision), ("codec", codec), (Self.numericsField, numerics),
      ("width", String(width)),
    ]
  }

  private var scopeField: (name: String, value: String) {
    (
      "what a state depends on",
      scope == .causal ? "the tokens up to its own" : "the whole document"
    )
  }

  /// Names the source alone: its weights, configuration and tokenizer.
  var sourceKey: [UInt8] {
    var hash = FramedHash("denju source key 1")
    hash.add(weights)
    hash.add(architecture)
    hash.add(tokenizer)
    return hash.finalize()
  }

  /// The stream's key, which every record's key begins with: the identity, and how texts are cut
  /// into records.
  func streamKey(chunkTokens: Int) -> [UInt8] {
    var hash = FramedHash("denju stream 1")
    hash.add(scope.kind)
    hash.add(chunkTokens)
    for field in fields {
      hash.add(field.name)
      hash.add(field.value)
    }
    return hash.finalize()
  }

  /// What differs when the source of this identity's states is to be run again, here and now; empty
  /// when the states will be the same.
  public func differences(
    fromWeights weights: String, architecture: String, tokenizer: String
  ) -> [IdentityDifference] {
    var found = self
    found.weights = weights
    found.architecture = architecture
    found.tokenizer = tokenizer
    found.numerics = Numerics.version
    return differences(from: found, acceptOtherNumerics: false)
  }

  /// What differs when this, the cache's identity, meets a request's; empty when they fit together.
  public func differences(from asked: CacheIdentity, acceptOtherNumerics: Bool)
    -> [IdentityDifference]
  {
    zip(fields + [scopeField], asked.fields + [asked.scopeField]).compactMap { mine, other in
      if Array(mine.value.utf8) == Array(other.value.utf8) { return nil }
      if mine.name == Self.numericsField && acceptOtherNumerics { return nil }
      if mine.name == "architecture" {
        return IdentityDifference.architecture(cache: mine.value, asked: other.value)
      }
      return IdentityDifference(field: mine.name, cache: mine.value, asked: other.value)
    }
  }
}

/// One field in which a cache and a request differ.
public struct IdentityDifference: Equatable, Sendable, CustomStringConvertible {
  public let field: String
  public let cache: String
  public let asked: String

  public var description: String {
    "\(field) is \(Self.shortened(cache)) in the cache and \(Self.shortened(asked)) here"
      + (field == CacheIdentity.numericsField ? " (DENJU_SIMD chooses the engine)" : "")
  }

  /// Names the first configuration key that differs rather than showing two whole configurations.
  static func architecture(cache: String, asked: String) -> IdentityDifference {
    let whole = IdentityDifference(field: "architecture", cache: cache, asked: asked)
    guard let mine = object(cache), let other = object(asked) else { return whole }
    for key in Set(mine.keys).union(other.keys).sorted() {
      let (left, right) = (mine[key], other[key])
      if let left, let right, left.isEqual(right) { continue }
      return IdentityDifference(
        field: "architecture's \(key)", cache: left.map { "\($0)" } ?? "absent",
        asked: right.map { "\($0)" } ?? "absent")
    }
    return whole
  }

  private static func object(_ json: String) -> [String: NSObject]? {
    try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: NSObject]
  }

  private static func shortened(_ value: String) -> String {
    value.utf8.count <= 72 ? value : value.prefix(68) + "..."
  }
}

/// What a cache knows of the model behind it, beyond the identity.
public struct CacheSource: Equatable, Sendable {
  /// What people call it.
  public var name: String
  /// Where it was when the cache was made: a hint.
  public var path: String
  /// The serialized tokenizer; its SHA-256 is the identity's `tokenizer`.
  public var tokenizer: [UInt8]
  /// Name of the chat template prompts are written with; `nil`: none.
  public var chatTemplate: String?

  public init(name: String, path: String, tokenizer: [UInt8], chatTemplate: String?) {
    self.name = name
    self.path = path
    self.tokenizer = tokenizer
    self.chatTemplate = chatTemplate
  }

  /// SHA-256 of the tokenizer: the identity's.
  public var tokenizerFingerprint: String { hexadecimal(SHA256.hash(data: tokenizer)) }

  func checksum(identity: CacheIdentity) -> [UInt8] {
    var hash = FramedHash("denju source 1")
    hash.add(name)
    hash.add(identity.weights)
    hash.add(identity.architecture)
    hash.add(tokenizer)
    hash.add(identity.tokenizer)
    hash.add(chatTemplate == nil ? 0 : 1)
    hash.add(chatTemplate ?? "")
    return hash.finalize()
  }
}
