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
    try network.encode(documents, layers: layers, into: outputs)
  }

  public func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool?
  ) throws(KnowledgeSourceError) -> Double {
    try errorAgainstFloat32(ids, layer: layer, normalized: normalized, network)
  }
}
