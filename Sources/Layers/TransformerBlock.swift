import Numerics

// before:    m = x + attention(norm₁ x),       y = m + feedForward(norm₂ m)
// around:    m = x + norm₁′ attention(norm₁ x), y = m + norm₂′ feedForward(norm₂ m)
// parallel:  m = x + attention(norm₁ x),       y = m + feedForward(norm₂ x)
//
// Shapes: R rows (the tokens of all sequences, one after another), C width.

/// One layer of a decoder, forward and backward, over its own keys or a session's.
public protocol Block: Sendable {
  /// Memory for a pass of `rows`.
  func trace(rows: Int, _ arena: Arena) -> BlockTrace

  /// out [R, C] from x [R, C]; `out` may be x. `layer` is the block's number, by which sessions keep keys.
  func forward(
    _ out: Rows, _ x: Rows, _ sequences: Sequences, layer: Int, _ trace: BlockTrace, _ pass: Pass)

  /// `dStream` [R, C] holds the output's gradient and becomes the input's.
  func backward(
    dStream: Rows, x: Rows, _ sequences: Sequences, _ trace: BlockTrace, _ pass: Pass)

  /// Takes the scratch memory that `backward` takes, with dropout or without, and gives it back.
  func countBackward(rows: Int, dropout: Bool, _ arena: Arena)
}

/// What a block's forward pass leaves for its backward pass; only the block knows what is in it.
public protocol BlockTrace {}

/// The block that a description says, normed before each half at least.
public struct TransformerBlock: Block {
  struct Trace: BlockTrace {
    let attention: SelfAttention.Trace
    /// The stream between the halves, m.
    let middle: Rows
    let feedForward: FeedForward.Trace
    /// What the halves give before norm′, where there is such.
    let attended, fed: Rows?
  }

  private let attentionNorm, feedForwardNorm: NormLayer
  /// norm₁′ and norm₂′.
  private let outputNorms: (attention: NormLayer, feedForward: NormLayer)?
  private let isParallel: Bool
  private let attention: SelfAttention
  private let feedForward: FeedForward
  private let width: Int
  private let site: Int

  /// - Parameter index: The block's number, which decides its dropout places.
  /// - Precondition: the description norms before each half.
  public init(
    _ layout: inout ParameterLayout, _ description: BlockDescription, index: Int
  ) {
    precondition(description.arrangement != .after, "a decoder's block norms before its halves")
    isParallel = description.arrangement == .parallel
    width = description.width
    site = DropoutSites.block(index)
    attentionNorm = NormLayer(
      &layout, description.attentionNorm, width: width, description.norm, group: .generator)
    attention = SelfAttention(&layout, description.attention, width: width, site: site)
    feedForwardNorm = NormLayer(
      &layout, description.feedForwardNorm, width: width, description.norm, group: .generator)
    feedForward = FeedForward(&layout, description.feedForward, width: width)
    if case .around(let attention, let feedForward) = description.arrangement {
      outputNorms = (
        NormLayer(&layout, attention, width: width, description.norm, group: .generator),
        NormLayer(&layout, feedForward, width: width, description.norm, group: .generator)
      )
    } else {
      outputNorms = nil
    }
  }

  public func trace(rows: Int, _ arena: Arena) -> any BlockTrace {
    Trace(
      attention: attention.trace(rows: rows, arena), middle: arena.rows(rows, width),
      feedForward: feedForward.trace(rows: rows, arena),
      attended: outputNorms == nil ? nil : arena.rows(rows, width),
      fed: outputNorms == nil ? nil : arena.rows(rows, width))
  }

  public func forward(
    _ out: Rows, _ x: Rows, _ sequences: Sequences, layer: Int, _ trace: any BlockTrace,
    _ pass: Pass
  ) {
    let trace = own(trace)
    let middle = trace.middle
    pass.arena.scratch {
      let normed = pass.arena.rows(x.count, width)
      attentionNorm.forward(normed, x, pass)
      attention.forward(
        trace.attended ?? middle, normed, sequences, layer: layer, trace.attention, pass)
      if let attended = trace.attended { outputNorms?.attention.forward(middle, attended, pass) }
      pass.dropout(\.residual, site: site + 1)?.apply(middle)
      middle.add(x)

      feedForwardNorm.forward(normed, isParallel ? x : middle, pass)
      feedForward.forward(trace.fed ?? out, normed, trace.feedForward, pass)
      if let fed = trace.fed { outputNorms?.feedForward.forward(out, fed, pass) }
      pass.dropout(\.residual, site: site + 2)?.apply(out)
      out.add(middle)
    }
  }

  public func backward(
    dStream: Rows, x: Rows, _ sequences: Sequences, _ trace: any BlockTrace, _ pass: Pass
  ) {
    let trace = own(trace)
    pass.arena.scratch {
      let normed = pass.arena.rows(x.count, width)
      let dNormed = pass.arena.rows(x.count, width)
      // Halves side by side both get the output's gradient, which `dStream` is no more after the first.
      let dOut = isParallel ? copy(of: dStream, pass) : dStream
      let middle = isParallel ? x : trace.middle
      pass.arena.scratch {
        let dBranch = branch(
          of: dOut, site: site + 2, outputNorms?.feedForward, trace.fed, pass)
        feedForwardNorm.forward(normed, middle, pass)
        feedForward.backward(dx: dNormed, dOut: dBranch, x: normed, trace.feedForward, pass)
        feedForwardNorm.backward(dx: dStream, dOut: dNormed, x: middle, pass)
      }
      let dBranch = branch(of: dOut, site: site + 1, outputNorms?.attention, trace.attended, pass)
      attentionNorm.forward(normed, x, pass)
      attention.backward(dx: dNormed, dOut: dBranch, x: normed, sequences, trace.attention, pass)
      attentionNorm.backward(dx: dStream, dOut: dNormed, x: x, pass)
    }
  }

  public func countBackward(rows: Int, dropout: Bool, _ arena: Arena) {
    arena.scratch {
      // Two of normed rows, a copy of the gradient for the second of halves side by side, and the branch's
      // gradient where dropout or a norm makes it another than the stream's.
      let count = 2 + [isParallel, dropout, outputNorms != nil].count { $0 }
      for _ in 0..<count { _ = arena.rows(rows, width) }
      feedForward.countBackward(rows: rows, arena)
      attention.countBackward(rows: rows, arena)
    }
  }

  private func own(_ trace: any BlockTrace) -> Trace {
    guard let trace = trace as? Trace else { preconditionFailure("a trace of another block") }
    return trace
  }

  /// The gradient of what a half gave: the stream's own, or what dropout leaves of it, through the norm after
  /// the half where there is one.
  private func branch(
    of dStream: Rows, site: Int, _ norm: NormLayer?, _ output: Rows?, _ pass: Pass
  ) -> Rows {
    var gradient = dStream
    if let dropout = pass.dropout(\.residual, site: site) {
      gradient = copy(of: dStream, pass)
      dropout.apply(gradient)
    }
    guard let norm, let output else { return gradient }
    let dOutput = pass.arena.zeros(dStream.count, width)
    norm.backward(dx: dOutput, dOut: gradient, x: output, pass)
    return dOutput
  }

  private func copy(of rows: Rows, _ pass: Pass) -> Rows {
    let copy = pass.arena.rows(rows.count, width)
    copy.update(from: rows)
    return copy
  }
}
