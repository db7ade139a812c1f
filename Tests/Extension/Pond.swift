import Architectures
import Layers
import ModelFiles
import Numerics
import TestSupport

/// An encoder that the program does not have, for sources: every token sees the whole document, by rotary
/// positions; nothing is normed at last, and nothing is written.
struct Pond: Architecture {
  static let family = "pond"
  static let modelType = "pond"

  let width: Int
  let inner: Int
  let layerCount: Int
  let heads: Int
  let vocabularySize: Int
  let maximumPositions: Int

  let visibility = Visibility.document
  let beginTokenID: Int32? = nil
  let endTokenIDs: [Int32] = []
  let finalNorm: NormDescription? = nil
  let outputHead: OutputHeadDescription? = nil

  init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    width = try reader.requiredInteger("width")
    inner = try reader.requiredInteger("inner")
    layerCount = try reader.requiredInteger("layers")
    heads = try reader.requiredInteger("heads")
    vocabularySize = try reader.requiredInteger("vocabulary")
    maximumPositions = try reader.requiredInteger("positions")
  }

  var identityJSON: String {
    #"{"architecture":"pond","heads":\#(heads),"inner":\#(inner),"layers":\#(layerCount),"#
      + #""width":\#(width)}"#
  }

  var embedding: EmbeddingDescription { EmbeddingDescription(tokens: "pond.tokens") }

  func block(_ layer: Int) -> BlockDescription {
    func projection(_ name: String) -> ProjectionDescription {
      ProjectionDescription("pond.\(layer).\(name)")
    }
    return BlockDescription(
      width: width, norm: .rootMeanSquare(epsilon: 1e-5),
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: heads, size: width / heads, queryScale: 1 / Float(width / heads).squareRoot()),
        mask: .all, rotary: RotaryDescription(theta: 1000), query: projection("q"),
        key: projection("k"), value: projection("v"), output: projection("o")),
      feedForward: .plain(
        .exact, inner: inner, expand: projection("up"), contract: projection("down")),
      attentionNorm: "pond.\(layer).norm_1", feedForwardNorm: "pond.\(layer).norm_2")
  }
}

extension TinyFamily {
  /// A small pond, and its files.
  static let pond = TinyFamily(name: "pond") { shape in
    [
      "model_type": "pond", "width": shape.width, "inner": shape.inner, "layers": shape.layers,
      "heads": shape.heads, "vocabulary": shape.vocabulary, "positions": shape.positions,
    ]
  } tensors: { shape in
    var tensors = [Tensor("pond.tokens", [shape.vocabulary, shape.width], .embedding)]
    for layer in 0..<shape.layers {
      for name in ["norm_1", "norm_2"] {
        tensors.append(Tensor("pond.\(layer).\(name).weight", [shape.width], .norm))
      }
      for name in ["q", "k", "v", "o"] {
        tensors.append(Tensor("pond.\(layer).\(name).weight", [shape.width, shape.width]))
      }
      tensors += [
        Tensor("pond.\(layer).up.weight", [shape.inner, shape.width]),
        Tensor("pond.\(layer).down.weight", [shape.width, shape.inner]),
      ]
    }
    return tensors
  }
}
