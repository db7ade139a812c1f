import ModelFiles
import Numerics

/// A frozen transformer of the Llama or Qwen2 family: the model whose hidden states the cache keeps.
/// It can be run and cannot be changed.
///
/// States are [tokens, width], row-major. Layer 0 is the embedding, layer k the output of block k,
/// and the last layer, N = `layerCount`, is by default taken after the final norm, all as in
/// transformers. Blocks above the layer asked for are not run.
///
/// A token's state depends on its document up to that token and on nothing else, to the last bit:
/// not on what the document is batched with, nor on the number of threads, nor on whether it was
/// computed in one pass or token by token in a session.
public final class KnowledgeSource: Sendable {
  public let configuration: TransformerConfiguration
  /// What products with weights are computed in. Everything else is float32.
  public let precision: Precision
  let parameters: SourceParameters
  let catalogue: TensorCatalogue
  private let head: OutputHead

  /// Reads and packs the weights; the output layer's when logits are first asked for.
  public init(
    _ folder: ModelFolder, precision: Precision = .float32
  ) throws(KnowledgeSourceError) {
    configuration = try Self.configuration(of: folder)
    self.precision = precision
    do throws(ModelFileError) {
      catalogue = try folder.catalogue()
      let reader = WeightReader(catalogue: catalogue, precision: precision)
      parameters = try SourceParameters(reader, configuration)
      head = try OutputHead(reader, configuration)
    } catch {
      throw .files(error)
    }
  }

  private static func configuration(
    of folder: ModelFolder
  ) throws(KnowledgeSourceError) -> TransformerConfiguration {
    let configuration: TransformerConfiguration
    do throws(ModelFileError) { configuration = try folder.configuration } catch {
      throw .files(error)
    }
    switch configuration.architecture {
    case .llama, .qwen2: return configuration
    case .gptNeo: throw .architecture(path: folder.path, found: .gptNeo)
    }
  }

  /// N, the number of blocks.
  public var layerCount: Int { configuration.layerCount }

  /// C, the width of a state.
  public var width: Int { configuration.hiddenSize }

  public var vocabularySize: Int { configuration.vocabularySize }

  /// Tokens a document can have.
  public var maximumPositions: Int { configuration.maximumPositions }

  /// The layer 0 ... N that `asked` names; -1 is the last, -(N + 1) the embedding.
  public func layer(_ asked: Int) throws(KnowledgeSourceError) -> Int {
    guard let layer = configuration.layer(asked) else {
      throw .layerOutOfRange(layer: asked, layerCount: layerCount)
    }
    return layer
  }

  /// Writes the states of one document at `layer`, 0 ... N, to `out`, [tokens, width].
  ///
  /// `normalized` says whether the final norm is applied to them; nil means at layer N alone.
  public func states(
    _ ids: [Int32], layer: Int, normalized: Bool? = nil, into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try states(batch: [ids], layer: layer, normalized: normalized, into: out)
  }

  /// Writes the logits of `count` final states, layer N after the norm, to `out`,
  /// [count, vocabulary]. Throws where an output layer that is read only now cannot be.
  public func logits(
    fromFinalStates states: UnsafePointer<Float>, count: Int,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    do throws(ModelFileError) {
      try head.multiply(out, states, count: count)
    } catch {
      throw .files(error)
    }
  }
}
