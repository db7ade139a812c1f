import Architectures
import Numerics

/// A frozen transformer in which every token sees the whole document, as BERT's. A token's state depends on
/// its document, all of it, and on nothing else.
public final class EncoderSource: Source {
  let network: FrozenNetwork

  init(_ network: FrozenNetwork) { self.network = network }

  public var architecture: any Architecture { network.architecture }
  public var precision: Precision { network.precision }

  public func encode(
    _ documents: [[Int32]], layers: [StateLayer], into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    try checkEncoding(documents, layers, outputs)
    network.encode(
      documents.lazy.joined(),
      parts: documents.map { FrozenNetwork.Part(earlier: [], count: $0.count) }, layers: layers,
      into: outputs)
  }

  public func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool?
  ) throws(KnowledgeSourceError) -> Double {
    try errorAgainstFloat32(ids, layer: layer, normalized: normalized, network)
  }
}

extension Source {
  /// What `encode` checks before anything is computed.
  func checkEncoding(
    _ documents: [[Int32]], _ layers: [StateLayer], _ outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    precondition(layers.count == outputs.count, "a place for each layer")
    for layer in layers { try check(layer: layer.index) }
    for document in documents { try check(document) }
  }
}
