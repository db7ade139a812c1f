import Architectures
import Layers
import ModelFiles
import Numerics

/// A frozen transformer of any architecture: its weights, packed, and its forward pass.
///
/// T rows, C width, H heads of size D, G key-value heads, I inner width.
final class FrozenNetwork: Sendable {
  let architecture: any Architecture
  let precision: Precision
  let reader: WeightReader
  private let parameters: FrozenParameters

  /// Reads and packs the weights, but the output layer's.
  init(
    _ folder: ModelFolder, precision: Precision, architectures: ArchitectureRegistry
  ) throws(KnowledgeSourceError) {
    self.precision = precision
    do throws(ModelFileError) {
      architecture = try architectures.configuration(of: folder)
      reader = WeightReader(
        TensorPlaces(try folder.catalogue(), architecture), precision: precision)
      parameters = try FrozenParameters(reader, architecture)
    } catch {
      throw .files(error)
    }
  }

  var width: Int { architecture.width }

  /// Block `index` in float32, whatever the network computes in.
  func float32Block(_ index: Int) throws(KnowledgeSourceError) -> FrozenBlock {
    do {
      return try FrozenBlock(reader.inPrecision(.float32), architecture.block(index))
    } catch {
      throw .files(error)
    }
  }

  /// x[t] = the embedding of the t-th id, at the position that `sequences` has for its row.
  func embed(_ x: Rows, _ ids: some Sequence<Int32>, _ sequences: Sequences) {
    parameters.embedding.fill(x, ids: ids, positions: sequences.positions)
  }

  /// Takes rows through the blocks `layers` in place.
  func forward(_ x: Rows, _ sequences: Sequences, layers: Range<Int>) {
    forward(
      x, sequences, blocks: layers.map { ($0, parameters.blocks[$0]) }, precision: precision)
  }

  /// The same through blocks given with their numbers, of another precision maybe.
  func forward(
    _ x: Rows, _ sequences: Sequences, blocks: [(index: Int, block: FrozenBlock)],
    precision: Precision
  ) {
    guard x.count > 0, let first = blocks.first?.block else { return }
    let activations = Activations(first.description, rows: x.count, precision)
    var adding = false
    for (index, block) in blocks {
      attend(x, sequences, block, index, activations, adding: adding)
      feedForward(x, block, activations)
      adding = block.description.arrangement != .after
    }
    if adding { x.add(Rows(activations.branch, width: width)[0..<x.count]) }
  }

  /// branch <- W_o attention(W_qkv norm(x) + b), after x += branch where one is left to add; normed as the
  /// block is arranged: the branch itself, or x after it was added.
  private func attend(
    _ x: Rows, _ sequences: Sequences, _ block: FrozenBlock, _ index: Int,
    _ activations: borrowing Activations, adding: Bool
  ) {
    let description = block.description.attention
    let heads = description.heads
    let branch = Rows(activations.branch, width: width)[0..<x.count]
    let projected = Rows(activations.projected, width: heads.width + 2 * heads.keyValueWidth)
    let attended = Rows(activations.attended, width: heads.width)
    if block.description.arrangement == .after {
      activations.attending.fill(x.base, rows: x.count)
    } else {
      activations.attending.fill(
        normOf: x.base, adding: adding ? branch.base : nil, rows: x.count,
        block.attentionNorm.rowNorm)
    }
    block.projection.multiply(projected.base, activations.attending, m: x.count)
    let queriesAndKeys = projected[0..<x.count]
    block.queryNorm?.rowNorm.normalize(queriesAndKeys, heads: heads.count)
    block.keyNorm?.rowNorm.normalize(
      queriesAndKeys, heads: heads.keyValueCount, column: heads.width)
    if let rotary = description.rotary {
      // Queries and keys lie side by side.
      sequences.withAngles(rotary, headSize: heads.size) { angles in
        angles.rotate(
          projected, heads: heads.count + heads.keyValueCount, headSize: heads.size)
      }
    }
    sequences.store(
      keys: projected, keyColumn: heads.width, values: projected,
      valueColumn: heads.width + heads.keyValueWidth, layer: index)
    Attention(heads, mask: description.mask).forward(
      attended, queries: projected,
      segments: sequences.segments(layer: index, keys: nil, values: nil, description))
    activations.heads.fill(attended.base, rows: x.count)
    block.output.multiply(branch.base, activations.heads, m: x.count)
    switch block.description.arrangement {
    case .before, .parallel: break
    case .after:
      x.add(branch)
      block.attentionNorm.apply(x)
    case .around: block.outputNorms?.attention.apply(branch)
    }
  }

  /// branch <- feedForward(norm(x)), after x += branch; likewise. Where halves are side by side the branch grows
  /// by it instead.
  private func feedForward(
    _ x: Rows, _ block: FrozenBlock, _ activations: borrowing Activations
  ) {
    let branch = Rows(activations.branch, width: width)[0..<x.count]
    let isParallel = block.description.arrangement == .parallel
    let out = isParallel ? Rows(activations.side, width: width)[0..<x.count] : branch
    for first in stride(from: 0, to: x.count, by: Activations.innerRows) {
      let range = first..<min(first + Activations.innerRows, x.count)
      if block.description.arrangement == .after {
        activations.normed.fill(x.row(first), rows: range.count)
      } else {
        activations.normed.fill(
          normOf: x.row(first), adding: isParallel ? nil : branch.row(first), rows: range.count,
          block.feedForwardNorm.rowNorm)
      }
      let inner = activations.inner.base
      switch block.feedForward {
      case .gated(let unit, let gateAndUp, let down):
        gateAndUp.matrix.multiplyGated(
          inner, activations.normed, m: range.count, width: block.description.feedForward.inner,
          unit)
        activations.gated.fill(inner, rows: range.count)
        down.multiply(out.row(first), activations.gated, m: range.count)
      case .biasedGate(let unit, let gate, let up, let down):
        let innerWidth = block.description.feedForward.inner
        let gated = Rows(activations.raised, width: innerWidth)[0..<range.count]
        let raised = Rows(activations.lifted, width: innerWidth)[0..<range.count]
        gate.multiply(gated.base, activations.normed, m: range.count)
        up.multiply(raised.base, activations.normed, m: range.count)
        unit.forward(
          Rows(inner, count: range.count, width: innerWidth), gate: gated, up: raised)
        activations.gated.fill(inner, rows: range.count)
        down.multiply(out.row(first), activations.gated, m: range.count)
      case .plain(let gelu, let expand, let contract):
        let raised = activations.raised.base
        expand.multiply(raised, activations.normed, m: range.count)
        let innerWidth = block.description.feedForward.inner
        gelu.forward(
          Rows(inner, count: range.count, width: innerWidth),
          Rows(raised, count: range.count, width: innerWidth))
        activations.gated.fill(inner, rows: range.count)
        contract.multiply(out.row(first), activations.gated, m: range.count)
      }
    }
    switch block.description.arrangement {
    case .before: break
    case .after:
      x.add(branch)
      block.feedForwardNorm.apply(x)
    case .around: block.outputNorms?.feedForward.apply(branch)
    case .parallel: branch.add(out)
    }
  }

  /// The final norm, in place, where there is one.
  func normalize(_ x: Rows) { parameters.finalNorm?.apply(x) }
}

/// What a pass computes on the way, one block at a time.
private struct Activations: ~Copyable {
  /// Rows that go through a feed-forward half together: its inner width is several times the rest.
  static let innerRows = 512

  /// In 8 bits, the inputs of the attention's projections and of the down projection have two terms:
  /// with one, SmolLM2's states are off by 2.8% instead of 1.7%. `Tests/Benchmarks/tried.md` has more.
  private static let terms = 2

  /// [T, C]: the input of attention.
  let attending: ProductInput
  /// [at most `innerRows`, C]: that of the feed-forward half.
  let normed: ProductInput
  /// [T, C]: what a half of a block adds to x. It is added when the next half begins.
  let branch: FloatBuffer
  /// [T, C]: what the second of halves side by side adds.
  let side: FloatBuffer
  /// [T, (H + 2 G) D]
  let projected: FloatBuffer
  /// [T, H D], as attention writes it and as the product reads it.
  let attended: FloatBuffer
  let heads: ProductInput
  /// [at most `innerRows`, I]: what the down projection multiplies, as computed and as the product reads
  /// it; and, where no gate is fused into the product before it, what the nonlinearity reads, of a gated one two.
  let inner: FloatBuffer
  let gated: ProductInput
  let raised: FloatBuffer
  let lifted: FloatBuffer

  init(_ block: BlockDescription, rows: Int, _ precision: Precision) {
    let innerRows = min(rows, Self.innerRows)
    let heads = block.attention.heads
    let innerWidth = block.feedForward.inner
    attending = ProductInput(precision, capacity: rows, depth: block.width, terms: Self.terms)
    normed = ProductInput(precision, capacity: innerRows, depth: block.width)
    branch = FloatBuffer(count: rows * block.width)
    side = FloatBuffer(count: block.arrangement == .parallel ? rows * block.width : 0)
    projected = FloatBuffer(count: rows * (heads.width + 2 * heads.keyValueWidth))
    attended = FloatBuffer(count: rows * heads.width)
    self.heads = ProductInput(precision, capacity: rows, depth: heads.width)
    inner = FloatBuffer(count: innerRows * innerWidth)
    gated = ProductInput(precision, capacity: innerRows, depth: innerWidth, terms: Self.terms)
    let (read, isGated) =
      switch block.feedForward {
      case .plain: (innerRows * innerWidth, false)
      case .gated(_, _, let gate, let up, _):
        (gate.hasBias || up.hasBias ? innerRows * innerWidth : 0, true)
      }
    raised = FloatBuffer(count: read)
    lifted = FloatBuffer(count: isGated ? read : 0)
  }
}
