import Architectures
import ModelFiles
import Numerics

/// States of one layer, as `encode` gives them.
public struct StateLayer: Hashable, Sendable {
  /// 0 is the embedding, k the output of block k, N the last.
  public let index: Int
  /// After the final norm, which only the last layer has, and not every model.
  public let normalized: Bool

  public init(_ index: Int, normalized: Bool) {
    self.index = index
    self.normalized = normalized
  }
}

/// A frozen model whose hidden states the cache keeps. It can be run and cannot be changed.
///
/// States are [tokens, width], row-major, all as in transformers. Blocks above the highest layer asked for
/// are not run. A document's states do not depend on what it is batched with, nor on the number of
/// threads, to the last bit.
public protocol Source: AnyObject, Sendable {
  var architecture: any Architecture { get }
  /// What products with weights are computed in. Everything else is float32.
  var precision: Precision { get }

  /// Writes the states of documents at each of some layers of one pass: [tokens of all documents, width],
  /// back to back, to the place of the same number. A document may be empty. Everything is checked before
  /// anything is computed.
  func encode(
    _ documents: [[Int32]], layers: [StateLayer], into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError)

  /// How far this source's states of a text are from those of the same weights in float32:
  /// |states - exact| / |exact|, Euclidean over all of them. 0 for a float32 source.
  func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool?
  ) throws(KnowledgeSourceError) -> Double
}

/// A source whose states of a beginning hold whatever follows, so that a document can be continued.
public protocol SteppingSource: Source {
  /// The same as `encode` for documents that may each go on from a prefix: writes the states of the pieces' own
  /// ids, at each layer, to the place of the same number. A session that is a prefix is read, and left as it is.
  ///
  /// - Precondition: prefixes are sessions of this source whose layer is at least the highest of `layers`.
  func states(
    continuing pieces: [SourceContinuation], layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError)

  /// A session with room for `capacity` tokens that gives the states of `layer`, by default the last,
  /// after the final norm where there is one.
  func makeSession(
    capacity: Int, layer: Int?, normalized: Bool?
  ) throws(KnowledgeSourceError) -> SourceSession

  /// Appends to several sessions in one pass, which costs little more than appending to one, and writes the
  /// states at each of some layers: [tokens of all, width], in the order given. Where it throws, every session is
  /// as before.
  ///
  /// - Precondition: the sessions are different ones, of this source, and of one layer, which is the highest of
  ///   `layers`.
  func append(
    _ pieces: [(session: SourceSession, ids: [Int32])], layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError)
}

/// Opens a model as a source: by what a token's state depends on, one that steps or one that encodes.
public enum Sources {
  public static func open(
    _ folder: ModelFolder, precision: Precision = .float32,
    architectures: ArchitectureRegistry = .builtIn
  ) throws(KnowledgeSourceError) -> any Source {
    let network = try FrozenNetwork(folder, precision: precision, architectures: architectures)
    switch network.architecture.visibility {
    case .causal: return DecoderSource(network)
    case .document: return EncoderSource(network)
    }
  }
}

extension Source {
  /// N, the number of blocks.
  public var layerCount: Int { architecture.layerCount }

  /// C, the width of a state.
  public var width: Int { architecture.width }

  public var vocabularySize: Int { architecture.vocabularySize }

  /// Tokens a document can have.
  public var maximumPositions: Int { architecture.maximumPositions }

  /// The layer 0 ... N that `asked` names; -1 is the last, -(N + 1) the embedding.
  public func layer(_ asked: Int) throws(KnowledgeSourceError) -> Int {
    guard let layer = architecture.layer(asked) else {
      throw .layerOutOfRange(layer: asked, layerCount: layerCount)
    }
    return layer
  }

  /// Whether the final norm is applied to states of a layer unless something else is said.
  public func isNormalized(_ layer: Int) -> Bool {
    architecture.hasFinalNorm && layer == layerCount
  }

  /// Writes the states of documents at one layer, as `encode` does.
  ///
  /// `normalized` says whether the final norm is applied to them; nil means at layer N alone.
  public func states(
    batch documents: [[Int32]], layer: Int, normalized: Bool? = nil,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try encode(
      documents, layers: [StateLayer(layer, normalized: normalized ?? isNormalized(layer))],
      into: [out])
  }

  /// Writes the states of one document at one layer.
  public func states(
    _ ids: [Int32], layer: Int, normalized: Bool? = nil, into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try states(batch: [ids], layer: layer, normalized: normalized, into: out)
  }

  public func errorAgainstFloat32(
    _ ids: [Int32], layer: Int
  ) throws(KnowledgeSourceError) -> Double {
    try errorAgainstFloat32(ids, layer: layer, normalized: nil)
  }
}

extension SteppingSource {
  public func makeSession(
    capacity: Int, layer: Int? = nil
  ) throws(KnowledgeSourceError) -> SourceSession {
    try makeSession(capacity: capacity, layer: layer, normalized: nil)
  }

  public func states(
    continuing pieces: [SourceContinuation], layer: Int, normalized: Bool? = nil,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try states(
      continuing: pieces,
      layers: [StateLayer(layer, normalized: normalized ?? isNormalized(layer))], into: [out])
  }

  /// Appends to several sessions in one pass, and writes the states of their layer.
  ///
  /// - Precondition: the sessions are different ones, of this source, with one layer and norm.
  public func append(
    _ pieces: [(session: SourceSession, ids: [Int32])], into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    guard let first = pieces.first?.session else { return }
    precondition(
      pieces.allSatisfy { $0.session.normalized == first.normalized },
      "sessions of one append must be alike")
    try append(
      pieces, layers: [StateLayer(first.layer, normalized: first.normalized)], into: [out])
  }
}
