import Foundation

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

  /// Whether the other's states are of the same source, computed in the same precision by the same kernels: of
  /// whatever layer.
  public func hasSource(of other: CacheIdentity) -> Bool {
    weights == other.weights && architecture.utf8.elementsEqual(other.architecture.utf8)
      && tokenizer == other.tokenizer && precision == other.precision
      && numerics == other.numerics
  }

  static let numericsField = "numerics version"

  /// The fields by the names people read, in a fixed order; but for the scope, which the stream's kind says.
  package var fields: [(name: String, value: String)] {
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

  package init(field: String, cache: String, asked: String) {
    self.field = field
    self.cache = cache
    self.asked = asked
  }

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
        field: "architecture's \(key)", cache: text(left), asked: text(right))
    }
    return whole
  }

  /// A value on one line.
  private static func text(_ value: NSObject?) -> String {
    guard let value else { return "absent" }
    let json = try? JSONSerialization.data(
      withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
    return json.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
  }

  private static func object(_ json: String) -> [String: NSObject]? {
    try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: NSObject]
  }

  private static func shortened(_ value: String) -> String {
    value.utf8.count <= 72 ? value : value.prefix(68) + "..."
  }
}
