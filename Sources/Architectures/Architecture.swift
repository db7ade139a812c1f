import Layers
import ModelFiles
import Numerics

/// What a token's state depends on.
public enum Visibility: String, Codable, Sendable {
  /// The document up to the token: states of a beginning are those of any document that begins so.
  case causal
  /// The whole document, later tokens too.
  case document
}

/// A transformer family: everything besides the weights that decides a model's values, read from a
/// Hugging Face `config.json` or GGUF metadata. One that exists is sound: sizes are positive and bounded so
/// that no product of them overflows, and what it asks and is not computed here was refused by name.
///
/// A family is one file, and one line in a registry.
public protocol Architecture: Sendable, Equatable {
  /// The family's name: part of the identity of its states, and of a generator's `config.json`.
  static var family: String { get }
  /// The `model_type` that a `config.json` says it by.
  static var modelType: String { get }
  /// Models of several kinds of input whose text model is of this family.
  static var enclosing: [EnclosingModel] { get }
  /// The `general.architecture` that a GGUF file says it by; nil: none is read.
  static var ggufName: String? { get }

  init(huggingFace reader: ConfigurationReader) throws(ModelFileError)
  init(gguf: GGUFFile) throws(ModelFileError)

  /// The fields that decide hidden states and logits, as JSON with sorted keys: equal text means equal
  /// arithmetic. Token ids that only the tokenizer uses, and the trained length, are left out. A family's
  /// keys are its own: another family's new key changes nothing here.
  var identityJSON: String { get }

  /// C, the width of a hidden state.
  var width: Int { get }
  /// N, the number of blocks.
  var layerCount: Int { get }
  var vocabularySize: Int { get }
  /// Positions the model was trained for.
  var maximumPositions: Int { get }
  var visibility: Visibility { get }
  var beginTokenID: Int32? { get }
  var endTokenIDs: [Int32] { get }

  var embedding: EmbeddingDescription { get }
  /// Block `layer`, 0 ..< N. Blocks differ in names, windows and rotary bases; their sizes are equal.
  func block(_ layer: Int) -> BlockDescription
  /// What layer N's states are normed by at last; nil: nothing.
  var finalNorm: NormDescription? { get }
  /// What turns final states into logits; nil: nothing does.
  var outputHead: OutputHeadDescription? { get }

  /// What the names of a model's own tensors begin with, its output head's aside: `model.` of Llama.
  static var nameRoot: String { get }
  /// What files may have in its place: `LlamaModel`'s have nothing.
  static var otherRoots: [String] { get }
  /// Where a tensor of the descriptions lies in files, with the usual root.
  func part(_ name: String, isGGUF: Bool) -> TensorPart
}

/// How token ids become layer 0, and by which tensors.
public struct EmbeddingDescription: Sendable, Equatable {
  /// [vocabulary, C]
  public var tokens: String
  /// [positions, C], added; nil: none.
  public var positions: String?
  /// A tensor whose first row is added to every token; nil: none.
  public var segments: String?
  /// Rows of `segments`.
  public var segmentCount: Int
  public var norm: NormDescription?
  /// What the tokens' rows are multiplied by.
  public var scale: Float

  public init(
    tokens: String, scale: Float = 1, positions: String? = nil, segments: String? = nil,
    segmentCount: Int = 0, norm: NormDescription? = nil
  ) {
    self.tokens = tokens
    self.scale = scale
    self.positions = positions
    self.segments = segments
    self.segmentCount = segmentCount
    self.norm = norm
  }
}

/// The tensor that turns final states into logits, [vocabulary, C].
public struct OutputHeadDescription: Sendable, Equatable {
  /// The name of a head of its own.
  public var name: String
  /// Whether it is the tokens' embedding instead, which files may have under either name.
  public var isTied: Bool
  /// Logits become cap · tanh(logit / cap); nil: they stay.
  public var softCap: Float?

  public init(_ name: String, isTied: Bool, softCap: Float? = nil) {
    self.name = name
    self.isTied = isTied
    self.softCap = softCap
  }
}

extension Architecture {
  public static var enclosing: [EnclosingModel] { [] }
  public static var ggufName: String? { nil }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    throw .unsupported(
      file: gguf.path, item: "general.architecture", found: "\"\(Self.family)\" in GGUF",
      supported: "its Hugging Face folder")
  }

  public var visibility: Visibility { .causal }
  public static var nameRoot: String { "" }
  public static var otherRoots: [String] { nameRoot.isEmpty ? [] : [""] }
  public func part(_ name: String, isGGUF: Bool) -> TensorPart { TensorPart(name) }
  public var family: String { Self.family }

  /// The first of `endTokenIDs`.
  public var endTokenID: Int32? { endTokenIDs.first }

  /// The layer 0 (embedding) ... N that `asked` names, which may count from the end: -1 is N. Nil
  /// where there is none.
  public func layer(_ asked: Int) -> Int? {
    let layer = asked < 0 ? layerCount + 1 + asked : asked
    return (0...layerCount).contains(layer) ? layer : nil
  }

  /// Whether layer N has a norm after it, so that its states can be taken before or after.
  public var hasFinalNorm: Bool { finalNorm != nil }

  /// Operations through the first `layers` blocks, 2 a multiply-add: the projections of `tokens`
  /// tokens, and attention over `attended` pairs of a token and one that it attends to, itself among
  /// them. Embedding and output layer are left out.
  public func operations(tokens: Int, attended: Int, layers: Int) -> Double {
    (0..<max(layers, 0)).reduce(0) { sum, layer in
      let block = block(layer)
      let heads = Double(block.attention.heads.width)
      let keyValues = Double(block.attention.heads.keyValueWidth)
      let products: Double
      switch block.feedForward {
      case .plain: products = 2
      case .gated: products = 3
      }
      let weights =
        Double(width) * (2 * heads + 2 * keyValues)
        + products * Double(width) * Double(block.feedForward.inner)
      return sum + 2 * weights * Double(tokens) + 4 * heads * Double(attended)
    }
  }

  /// Whether two configurations are of one family and equal.
  public func isEqual(to other: any Architecture) -> Bool { (other as? Self) == self }
}
