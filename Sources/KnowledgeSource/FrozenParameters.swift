import Architectures
import Layers
import ModelFiles
import Numerics

/// The weights of a frozen transformer. Nothing here can be changed: every matrix is packed once for the
/// inner loops, and there is no way to write to it.
final class FrozenParameters: Sendable {
  let embedding: FrozenEmbedding
  let blocks: [FrozenBlock]
  let finalNorm: FrozenNorm?

  init(_ reader: WeightReader, _ architecture: any Architecture) throws(ModelFileError) {
    embedding = try FrozenEmbedding(reader, architecture)
    var blocks: [FrozenBlock] = []
    for index in 0..<architecture.layerCount {
      blocks.append(try FrozenBlock(reader, architecture.block(index)))
    }
    self.blocks = blocks
    if let norm = architecture.finalNorm {
      finalNorm = try FrozenNorm(reader, norm.name, norm.kind, width: architecture.width)
    } else {
      finalNorm = nil
    }
  }
}

/// The tables that token ids are looked up in: the tokens' as it is stored, the others, which are small, as
/// they are added.
final class FrozenEmbedding: Sendable {
  /// [vocabulary, width]
  private let tokens: StoredRows
  /// [positions, width]; empty where none are learned.
  private let positions: FloatBuffer
  /// What every token has added, [width], where there is such; the norm after all.
  private let segment: [Float]?
  private let norm: FrozenNorm?
  private let scale: Float
  private let width: Int

  init(_ reader: WeightReader, _ architecture: any Architecture) throws(ModelFileError) {
    let description = architecture.embedding
    width = architecture.width
    scale = description.scale
    tokens = try reader.rows(
      description.tokens, shape: [architecture.vocabularySize, architecture.width])
    if let name = description.positions {
      positions = FloatBuffer(
        try reader.floats(name, shape: [architecture.maximumPositions, architecture.width]))
    } else {
      positions = FloatBuffer(count: 0)
    }
    if let name = description.segments {
      let all = try reader.floats(name, shape: [description.segmentCount, architecture.width])
      segment = Array(all.prefix(architecture.width))
    } else {
      segment = nil
    }
    if let norm = description.norm {
      self.norm = try FrozenNorm(reader, norm.name, norm.kind, width: architecture.width)
    } else {
      norm = nil
    }
  }

  /// x[t] = the embedding of the t-th id at its position. The ids are within the vocabulary.
  func fill(_ x: Rows, ids: some Sequence<Int32>, positions places: @autoclosure () -> [Int]) {
    for (row, id) in ids.enumerated() { tokens.copyRow(Int(id), to: x.row(row)) }
    x.scale(by: scale)
    if let segment {
      segment.withUnsafeBufferPointer { segment in
        guard let base = segment.baseAddress else { return }
        for row in 0..<x.count { axpy(width, 1, base, x.row(row)) }
      }
    }
    if positions.count > 0 {
      for (row, position) in places().enumerated() {
        axpy(width, 1, positions.base + position * width, x.row(row))
      }
    }
    norm?.apply(x)
  }
}

/// One block. Products that share an input are one matrix, so that a row is packed and a thread woken once
/// for them all.
final class FrozenBlock: Sendable {
  let description: BlockDescription
  let attentionNorm: FrozenNorm
  /// Of each head's queries and keys.
  let queryNorm, keyNorm: FrozenNorm?
  /// Of what each half gives.
  let outputNorms: (attention: FrozenNorm, feedForward: FrozenNorm)?
  /// [(H + 2 G) D, C]: queries, keys, values.
  let projection: FrozenLinear
  /// [C, H D]
  let output: FrozenLinear
  let feedForwardNorm: FrozenNorm
  let feedForward: FrozenFeedForward

  init(_ reader: WeightReader, _ description: BlockDescription) throws(ModelFileError) {
    let (width, attention) = (description.width, description.attention)
    let heads = attention.heads
    self.description = description
    func norm(_ name: String) throws(ModelFileError) -> FrozenNorm {
      try FrozenNorm(reader, name, description.norm, width: width)
    }
    func headNorm(_ norm: NormDescription?) throws(ModelFileError) -> FrozenNorm? {
      guard let norm else { return nil }
      return try FrozenNorm(reader, norm.name, norm.kind, width: heads.size)
    }
    attentionNorm = try norm(description.attentionNorm)
    queryNorm = try headNorm(attention.queryNorm)
    keyNorm = try headNorm(attention.keyNorm)
    if case .around(let attention, let feedForward) = description.arrangement {
      outputNorms = (try norm(attention), try norm(feedForward))
    } else {
      outputNorms = nil
    }
    projection = try FrozenLinear(
      reader,
      [
        (attention.query, heads.width), (attention.key, heads.keyValueWidth),
        (attention.value, heads.keyValueWidth),
      ], columns: width)
    output = try FrozenLinear(reader, [(attention.output, width)], columns: heads.width)
    feedForwardNorm = try norm(description.feedForwardNorm)
    feedForward = try FrozenFeedForward(reader, description.feedForward, width: width)
  }
}

/// A norm's parameters.
final class FrozenNorm: Sendable {
  let kind: NormKind
  let width: Int
  private let weight: FloatBuffer
  private let bias: FloatBuffer

  init(
    _ reader: WeightReader, _ name: String, _ kind: NormKind, width: Int
  ) throws(ModelFileError) {
    self.kind = kind
    self.width = width
    weight = try reader.vector("\(name).weight", count: width)
    if case .layer = kind {
      bias = try reader.vector("\(name).bias", count: width)
    } else {
      bias = FloatBuffer(count: 0)
    }
  }

  /// What fills rows in on their way into products, while this lives.
  var rowNorm: RowNorm {
    switch kind {
    case .rootMeanSquare(let epsilon):
      .rootMeanSquare(weight: Rows(weight, width: width), epsilon: epsilon)
    case .layer(let epsilon):
      .layer(
        weight: Rows(weight, width: width), bias: Rows(bias, width: width), epsilon: epsilon)
    }
  }

  /// Norms rows in place.
  func apply(_ x: Rows) { rowNorm.normalize(x) }
}

/// Products of one input with several weights, one below the other, and their biases.
final class FrozenLinear: Sendable {
  let matrix: ProductMatrix
  private let biases: FloatBuffer

  init(
    _ reader: WeightReader, _ parts: [(part: ProjectionDescription, rows: Int)], columns: Int
  ) throws(ModelFileError) {
    matrix = try reader.matrix(
      parts.map { ("\($0.part.name).weight", $0.rows) }, columns: columns)
    // All parts have biases or none has; a part without one in such company has zeros.
    var values: [Float] = []
    if parts.contains(where: { $0.part.hasBias }) {
      for (part, rows) in parts {
        values +=
          part.hasBias
          ? try reader.floats("\(part.name).bias", shape: [rows])
          : [Float](repeating: 0, count: rows)
      }
    }
    biases = FloatBuffer(values)
  }

  /// out[m, rows] = x · Wᵀ + b, from the first `m` rows of `x`.
  func multiply(_ out: UnsafeMutablePointer<Float>, _ x: borrowing ProductInput, m: Int) {
    matrix.multiply(out, x, m: m, bias: biases.count > 0 ? biases.base : nil)
  }
}

/// The feed-forward half's weights.
enum FrozenFeedForward: Sendable {
  /// [2 · inner width, width]: gate and up, by turns; [width, inner width].
  case gated(GatedLinearUnit, gateAndUp: FrozenGate, down: FrozenLinear)
  /// [inner width, width] each, where they have biases; [width, inner width].
  case biasedGate(GatedLinearUnit, gate: FrozenLinear, up: FrozenLinear, down: FrozenLinear)
  case plain(GELU, expand: FrozenLinear, contract: FrozenLinear)

  init(
    _ reader: WeightReader, _ description: FeedForwardDescription, width: Int
  ) throws(ModelFileError) {
    switch description {
    case .gated(let unit, let inner, let gate, let up, let down) where gate.hasBias || up.hasBias:
      self = .biasedGate(
        unit, gate: try FrozenLinear(reader, [(gate, inner)], columns: width),
        up: try FrozenLinear(reader, [(up, inner)], columns: width),
        down: try FrozenLinear(reader, [(down, width)], columns: inner))
    case .gated(let unit, let inner, let gate, let up, let down):
      self = .gated(
        unit, gateAndUp: try FrozenGate(reader, gate, up, rows: inner, columns: width),
        down: try FrozenLinear(reader, [(down, width)], columns: inner))
    case .plain(let gelu, let inner, let expand, let contract):
      self = .plain(
        gelu, expand: try FrozenLinear(reader, [(expand, inner)], columns: width),
        contract: try FrozenLinear(reader, [(contract, width)], columns: inner))
    }
  }
}

/// Gate and up projections woven into one weight.
final class FrozenGate: Sendable {
  let matrix: ProductMatrix

  init(
    _ reader: WeightReader, _ gate: ProjectionDescription, _ up: ProjectionDescription, rows: Int,
    columns: Int
  ) throws(ModelFileError) {
    matrix = try reader.gateAndUp(
      "\(gate.name).weight", "\(up.name).weight", rows: rows, columns: columns)
  }
}
