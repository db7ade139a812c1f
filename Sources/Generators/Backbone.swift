import Architectures
import Layers
import Numerics

/// A generator's decoder: embeddings, blocks and output head of any architecture.
struct Backbone: Sendable {
  let width: Int
  let vocabulary: Int
  let positionCount: Int
  private let tokenTable: Parameter?
  private let positionTable: Parameter?
  /// What the tokens' rows are multiplied by.
  private let scale: Float
  let blocks: [any Block]
  let head: OutputHead
  let heads: AttentionHeads

  /// - Parameter replacesEmbeddings: states take the token embeddings' place, and the head is of its own.
  init(
    _ layout: inout ParameterLayout, _ architecture: any GeneratorArchitecture,
    replacesEmbeddings: Bool
  ) {
    func named(_ name: String) -> String {
      architecture.checkpointName(name, replacesEmbeddings: replacesEmbeddings)
    }
    let (width, vocabulary) = (architecture.width, architecture.vocabularySize)
    self.width = width
    self.vocabulary = vocabulary
    positionCount = architecture.maximumPositions
    heads = architecture.block(0).attention.heads
    let embedding = architecture.embedding
    scale = embedding.scale
    tokenTable =
      replacesEmbeddings
      ? nil
      : layout.add(named(embedding.tokens), [vocabulary, width], .generator, .transformer)
    positionTable = embedding.positions.map { name in
      layout.add(
        named(name), [architecture.maximumPositions, width], .generator,
        replacesEmbeddings ? .constant(0) : .transformer)
    }
    blocks = (0..<architecture.layerCount).map { index in
      TransformerBlock(
        &layout,
        architecture.block(index).renamed(named), index: index)
    }
    guard let finalNorm = architecture.finalNorm, let output = architecture.outputHead else {
      preconditionFailure("a generator's configuration has a norm at last and an output head")
    }
    let norm = NormLayer(
      &layout, named(finalNorm.name), width: width, finalNorm.kind, group: .generator)
    let softCap = output.softCap.map { SoftCap($0) }
    if let tokenTable, output.isTied {
      head = OutputHead(
        norm: norm,
        projection: LinearLayer(&layout, tiedTo: tokenTable, inputs: width, outputs: vocabulary),
        softCap: softCap)
    } else {
      // The layer adds `.weight` itself.
      let name = String(named(output.name).dropLast(".weight".count))
      head = OutputHead(
        norm: norm,
        projection: LinearLayer(
          &layout, name, inputs: width, outputs: vocabulary, group: .generator,
          weight: replacesEmbeddings ? .linear(inputs: width) : .transformer, bias: nil),
        softCap: softCap)
    }
  }

  /// Throws for a family that asks what a generator's decoder does not compute.
  static func check(_ architecture: any GeneratorArchitecture) throws(GeneratorError) {
    func require(_ holds: Bool, _ expected: String, _ found: String) throws(GeneratorError) {
      guard holds else {
        throw .configuration(
          item: "architecture \(architecture.family)", expected: expected, found: found)
      }
    }
    let embedding = architecture.embedding
    try require(architecture.visibility == .causal, "a decoder", "one that sees whole documents")
    try require(
      embedding.norm == nil && embedding.segments == nil, "an embedding of tokens and positions",
      "a norm or segments in it")
    try require(architecture.finalNorm != nil, "a norm after the last layer", "none")
    try require(architecture.outputHead != nil, "an output head", "none")
    let first = architecture.block(0)
    for layer in 0..<architecture.layerCount {
      let block = architecture.block(layer)
      try require(block.arrangement != .after, "norms before each half of a block", "after it")
      try require(
        block.attention.heads.count == first.attention.heads.count
          && block.attention.heads.keyValueWidth == first.attention.heads.keyValueWidth
          && block.attention.heads.size == first.attention.heads.size
          && block.feedForward.inner == first.feedForward.inner
          && block.width == architecture.width,
        "layers of equal sizes", "layer \(layer) of another size")
    }
  }

  /// x [R, C] = the rows of the token table.
  func embedTokens(_ x: Rows, _ tokens: [Int32], _ pass: Pass) {
    guard let tokenTable else { return }
    gatherRows(x, pass.weights[tokenTable], indices: tokens)
    x.scale(by: scale)
  }

  func embedTokensBackward(_ dx: Rows, _ tokens: [Int32], _ pass: Pass) {
    guard let tokenTable, let table = pass.gradients?[tokenTable] else { return }
    pass.arena.scratch {
      let scaled = scale == 1 ? dx : pass.arena.rows(dx.count, dx.width)
      if scale != 1 {
        scaled.update(from: dx)
        scaled.scale(by: scale)
      }
      scatterAddRows(table, scaled, indices: tokens)
    }
  }

  /// x [R, C] += the rows of the position table, where there is one.
  func addPositions(_ x: Rows, _ sequences: Sequences, _ pass: Pass) {
    guard let positionTable else { return }
    addGatheredRows(x, pass.weights[positionTable], indices: sequences.positions.map { Int32($0) })
  }

  func addPositionsBackward(_ dx: Rows, _ sequences: Sequences, _ pass: Pass) {
    guard let positionTable, let table = pass.gradients?[positionTable] else { return }
    scatterAddRows(table, dx, indices: sequences.positions.map { Int32($0) })
  }
}
