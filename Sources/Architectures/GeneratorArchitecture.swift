import Layers
import ModelFiles

/// A generator's backbone as flags describe it, before the tokenizer gives its vocabulary.
public struct BackboneDesign: Codable, Equatable, Sendable {
  /// The family's name.
  public var architecture: String
  public var layers: Int
  public var width: Int
  public var heads: Int
  /// Key-value heads; nil: as many as heads. For families that have groups of heads.
  public var keyValueHeads: Int?
  public var positions: Int
  /// Positions that local layers see. For families that have such.
  public var window: Int
  public var vocabulary: Int

  public init(
    architecture: String, layers: Int, width: Int, heads: Int, keyValueHeads: Int? = nil,
    positions: Int, window: Int, vocabulary: Int
  ) {
    self.architecture = architecture
    self.layers = layers
    self.width = width
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.positions = positions
    self.window = window
    self.vocabulary = vocabulary
  }
}

/// A family that can be a generator's backbone: trained from scratch or from its weights, kept in
/// checkpoints, written to a Hugging Face folder.
public protocol GeneratorArchitecture: Architecture {
  /// From scratch, with the family's own constants. Errors name the design's fields.
  init(design: BackboneDesign) throws(ModelFileError)

  /// From the members that a checkpoint's `config.json` has of it.
  init(checkpoint reader: ConfigurationReader) throws(ModelFileError)

  /// The members that `init(checkpoint:)` reads.
  var checkpointMembers: [(key: String, value: any Encodable & Sendable)] { get }

  /// A tensor's name in a checkpoint, which has the bridge's tensors beside it.
  ///
  /// - Parameter replacesEmbeddings: whether states take the token embeddings' place, with a head of its own.
  func checkpointName(_ name: String, replacesEmbeddings: Bool) -> String

  /// The name in the family's own files of a tensor of a checkpoint: the other way round.
  func fileName(_ checkpointName: String, replacesEmbeddings: Bool) -> String

  /// What a checkpoint's weights say, beside the tensors, of sizes that no tensor shows.
  var weightsMetadata: [String: String] { get }

  /// A Hugging Face `config.json` of the model, for a vocabulary of as many rows as the weights have.
  var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] { get }
}

extension GeneratorArchitecture {
  public func checkpointName(_ name: String, replacesEmbeddings: Bool) -> String { name }
  public var weightsMetadata: [String: String] { [:] }
  public func fileName(_ checkpointName: String, replacesEmbeddings: Bool) -> String {
    checkpointName
  }
}

/// Sizes beyond which no generator is built, so that no product of two overflows.
enum GeneratorLimits {
  static let largestSize = 1 << 24
  static let mostLayers = 1024

  /// Throws, naming the key, unless it is 1 to `largestSize`.
  static func requireSize(_ key: String, _ size: Int, file: String) throws(ModelFileError) {
    try require(
      (1...largestSize).contains(size), key, "1 to \(largestSize)", "\(size)", file: file)
  }

  static func require(
    _ holds: Bool, _ key: String, _ expected: String, _ found: String, file: String
  ) throws(ModelFileError) {
    guard holds else {
      throw .malformed(file: file, item: key, expected: expected, found: found)
    }
  }

  /// What errors name in place of a file where flags said it.
  static let flags = "the generator"
}
