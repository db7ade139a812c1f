import Numerics

// m = x + attention(norm₁ x),  y = m + feedForward(norm₂ m)
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

/// The block that a description says, normed before each half.
public struct TransformerBlock: Block {
  struct Trace: BlockTrace {
    let attention: SelfAttention.Trace
    /// The stream between the halves, m.
    let middle: Rows
    let feedForward: FeedForward.Trace
  }

  private let attentionNorm, feedForwardNorm: NormLayer
  private let attention: SelfAttention
  private let feedForward: FeedForward
  private let width: Int
  private let site: Int

  /// - Parameter index: The block's number, which decides its dropout places.
  /// - Precondition: the description norms before each half.
  public init(
    _ layout: inout ParameterLayout, _ description: BlockDescription, index: Int
  ) {
    precondition(description.arrangement == .before, "a decoder's block norms before its halves")
    width = description.width
    site = DropoutSites.block(index)
    attentionNorm = NormLayer(
      &layout, description.attentionNorm, width: width, description.norm, group: .generator)
    attention = SelfAttention(&layout, description.attention, width: width, site: site)
    feedForwardNorm = NormLayer(
      &layout, description.feedForwardNorm, width: width, description.norm, group: .generator)
    feedForward = FeedForward(&layout, description.feedForward, width: width)
  }

  public func trace(rows: Int, _ arena: Arena) -> any BlockTrace {
    Trace(
      attention: attention.trace(rows: rows, arena), middle: arena.rows(rows, width),
      feedForward: feedForward.trace(rows: rows, arena))
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
      attention.forward(middle, normed, sequences, layer: layer, trace.attention, pass)
      pass.dropout(\.residual, site: site + 1)?.apply(middle)
      middle.add(x)

      feedForwardNorm.forward(normed, middle, pass)
      feedForward.forward(out, normed, trace.feedForward, pass)
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
      pass.arena.scratch {
        let dBranch = branch(of: dStream, site: site + 2, pass)
        feedForwardNorm.forward(normed, trace.middle, pass)
        feedForward.backward(dx: dNormed, dOut: dBranch, x: normed, trace.feedForward, pass)
        feedForwardNorm.backward(dx: dStream, dOut: dNormed, x: trace.middle, pass)
      }
      let dBranch = branch(of: dStream, site: site + 1, pass)
      attentionNorm.forward(normed, x, pass)
      attention.backward(dx: dNormed, dOut: dBranch, x: normed, sequences, trace.attention, pass)
      attentionNorm.backward(dx: dStream, dOut: dNormed, x: x, pass)
    }
  }

  public func countBackward(rows: Int, dropout: Bool, _ arena: Arena) {
    arena.scratch {
      // Two of normed rows, and the branch's gradient where dropout makes it another than the stream's.
      for _ in 0..<(dropout ? 3 : 2) { _ = arena.rows(rows, width) }
      feedForward.countBackward(rows: rows, arena)
      attention.countBackward(rows: rows, arena)
    }
  }

  private func own(_ trace: any BlockTrace) -> Trace {
    guard let trace = trace as? Trace else { preconditionFailure("a trace of another block") }
    return trace
  }

  /// The gradient of what a half added to the stream: the stream's own, or what dropout leaves of it.
  private func branch(of dStream: Rows, site: Int, _ pass: Pass) -> Rows {
    guard let dropout = pass.dropout(\.residual, site: site) else { return dStream }
    let copy = pass.arena.rows(dStream.count, width)
    copy.update(from: dStream)
    dropout.apply(copy)
    return copy
  }
}
