import ModelFiles
import Numerics

/// The weights of a decoder of the Llama or Qwen2 family. Nothing here can be changed: every matrix
/// is packed once for the inner loops, and there is no way to write to it.
final class SourceParameters: Sendable {
  /// The embedding, [vocabulary, width].
  let tokens: StoredRows
  let layers: [Layer]
  let finalNorm: FloatBuffer

  /// One block. Products that share an input are one matrix, so that a row is packed and a thread
  /// woken once for them all.
  final class Layer: Sendable {
    let attentionNorm: FloatBuffer
    /// [(heads + 2 · key-value heads) · head size, width]: queries, keys, values.
    let projection: ProductMatrix
    /// As many values as `projection` has rows; none where the architecture has no biases.
    let projectionBias: FloatBuffer
    /// [width, heads · head size]
    let output: ProductMatrix
    let feedForwardNorm: FloatBuffer
    /// [2 · inner width, width]: gate and up, by turns.
    let gateAndUp: ProductMatrix
    /// [width, inner width]
    let down: ProductMatrix

    init(
      _ index: Int, _ reader: WeightReader, _ sizes: TransformerConfiguration
    ) throws(ModelFileError) {
      let prefix = "model.layers.\(index)."
      let width = sizes.hiddenSize
      let queries = sizes.headCount * sizes.headSize
      let keys = sizes.keyValueHeadCount * sizes.headSize
      let projections = [("q", queries), ("k", keys), ("v", keys)].map {
        (name: "\(prefix)self_attn.\($0.0)_proj", rows: $0.1)
      }
      attentionNorm = try reader.vector("\(prefix)input_layernorm.weight", count: width)
      projection = try reader.matrix(
        projections.map { ("\($0.name).weight", $0.rows) }, columns: width)
      projectionBias = try reader.vector(
        sizes.attentionBias ? projections.map { ("\($0.name).bias", $0.rows) } : [])
      output = try reader.matrix(
        [("\(prefix)self_attn.o_proj.weight", width)], columns: queries)
      feedForwardNorm = try reader.vector(
        "\(prefix)post_attention_layernorm.weight", count: width)
      gateAndUp = try reader.gateAndUp(
        "\(prefix)mlp.gate_proj.weight", "\(prefix)mlp.up_proj.weight",
        rows: sizes.intermediateSize, columns: width)
      down = try reader.matrix(
        [("\(prefix)mlp.down_proj.weight", width)], columns: sizes.intermediateSize)
    }
  }

  init(_ reader: WeightReader, _ sizes: TransformerConfiguration) throws(ModelFileError) {
    tokens = try reader.catalogue.storedRows(
      sizes.embeddingName, shape: [sizes.vocabularySize, sizes.hiddenSize])
    var layers: [Layer] = []
    for index in 0..<sizes.layerCount { layers.append(try Layer(index, reader, sizes)) }
    self.layers = layers
    finalNorm = try reader.vector("model.norm.weight", count: sizes.hiddenSize)
  }
}

/// Reads weights out of a catalogue into the forms that the forward pass uses.
struct WeightReader {
  let catalogue: TensorCatalogue
  let precision: Precision

  func vector(_ name: String, count: Int) throws(ModelFileError) -> FloatBuffer {
    try vector([(name, count)])
  }

  /// Several vectors, one behind the other.
  func vector(_ parts: [(name: String, count: Int)]) throws(ModelFileError) -> FloatBuffer {
    var values: [Float] = []
    for (name, count) in parts { values += try catalogue.floats(name, shape: [count]) }
    return FloatBuffer(values)
  }

  /// One packed matrix of several tensors [rows, columns], one below the other.
  func matrix(
    _ parts: [(name: String, rows: Int)], columns: Int
  ) throws(ModelFileError) -> ProductMatrix {
    switch precision {
    case .float32: .float32(try floats(parts, columns: columns))
    case .int8:
      .int8(
        Int8Matrix(
          try parts.map { part throws(ModelFileError) in
            try codes(part.name, shape: [part.rows, columns])
          }))
    }
  }

  /// A gate's and an up projection's weight, [rows, columns] each, in the order of `GateAndUp`.
  func gateAndUp(
    _ gate: String, _ up: String, rows: Int, columns: Int
  ) throws(ModelFileError) -> ProductMatrix {
    let shape = [rows, columns]
    switch precision {
    case .float32:
      return .float32(
        PackedMatrix(
          weight: GateAndUp.weave(
            try catalogue.floats(gate, shape: shape), try catalogue.floats(up, shape: shape),
            width: rows, columns: columns),
          rows: GateAndUp.rows(width: rows), columns: columns))
    case .int8:
      return .int8(
        Int8Matrix(GateAndUp.weave(try codes(gate, shape: shape), try codes(up, shape: shape))))
    }
  }

  private func floats(
    _ parts: [(name: String, rows: Int)], columns: Int
  ) throws(ModelFileError) -> PackedMatrix {
    // Read tensor by tensor, as the catalogue checks a shape before it takes memory for it.
    var weight: [Float] = []
    for (name, rows) in parts {
      let part = try catalogue.floats(name, shape: [rows, columns])
      weight = weight.isEmpty ? part : weight + part
    }
    return PackedMatrix(weight: weight, rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
  }

  /// Codes that are stored are taken as they are; other weights are rounded to 8 bits.
  private func codes(_ name: String, shape: [Int]) throws(ModelFileError) -> GroupedCodes {
    if let stored = try catalogue.groupedCodes(name, shape: shape) { return stored }
    return GroupedCodes(
      rounding: try catalogue.floats(name, shape: shape), rows: shape[0], columns: shape[1])
  }
}
