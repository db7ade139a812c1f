import Numerics

// plain: W₂ GELU(W₁ x + b₁) + b₂;  gated: W_down (f(W_gate x) · W_up x), f the unit's
//
// Shapes: R rows, C width, F inner width.

/// The feed-forward half of a block.
public struct FeedForward: Sendable {
  private enum Layers: Sendable {
    case plain(GELU, expand: LinearLayer, contract: LinearLayer)
    case gated(GatedLinearUnit, gate: LinearLayer, up: LinearLayer, down: LinearLayer)
  }

  /// What a forward pass leaves for the backward pass: what the nonlinearity reads, [R, F] each.
  public struct Trace {
    let inner: Rows
    let up: Rows?
  }

  private let layers: Layers
  private let inner: Int

  init(_ layout: inout ParameterLayout, _ description: FeedForwardDescription, width: Int) {
    func linear(_ part: ProjectionDescription, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        &layout, part.name, inputs: inputs, outputs: outputs, group: .generator,
        weight: .transformer, bias: part.hasBias ? .constant(0) : nil, isAdapted: true)
    }
    inner = description.inner
    switch description {
    case .plain(let gelu, let inner, let expand, let contract):
      layers = .plain(
        gelu, expand: linear(expand, width, inner), contract: linear(contract, inner, width))
    case .gated(let unit, let inner, let gate, let up, let down):
      layers = .gated(
        unit, gate: linear(gate, width, inner), up: linear(up, width, inner),
        down: linear(down, inner, width))
    }
  }

  func trace(rows: Int, _ arena: Arena) -> Trace {
    switch layers {
    case .plain: Trace(inner: arena.rows(rows, inner), up: nil)
    case .gated: Trace(inner: arena.rows(rows, inner), up: arena.rows(rows, inner))
    }
  }

  /// out [R, C] from x [R, C].
  func forward(_ out: Rows, _ x: Rows, _ trace: Trace, _ pass: Pass) {
    pass.arena.scratch {
      let activated = pass.arena.rows(x.count, inner)
      switch (layers, trace.up) {
      case (.plain(let gelu, let expand, let contract), _):
        expand.forward(trace.inner, x, pass)
        gelu.forward(activated, trace.inner)
        contract.forward(out, activated, pass)
      case (.gated(let unit, let gate, let up, let down), let raised?):
        gate.forward(trace.inner, x, pass)
        up.forward(raised, x, pass)
        unit.forward(activated, gate: trace.inner, up: raised)
        down.forward(out, activated, pass)
      case (.gated, nil): preconditionFailure("a gated trace has two parts")
      }
    }
  }

  /// Writes dx [R, C].
  func backward(dx: Rows, dOut: Rows, x: Rows, _ trace: Trace, _ pass: Pass) {
    pass.arena.scratch {
      let activated = pass.arena.rows(x.count, inner)
      let dInner = pass.arena.rows(x.count, inner)
      switch (layers, trace.up) {
      case (.plain(let gelu, let expand, let contract), _):
        gelu.forward(activated, trace.inner)
        contract.backward(dx: dInner, dOut: dOut, x: activated, pass)
        gelu.backward(dx: dInner, dOut: dInner, x: trace.inner)
        expand.backward(dx: dx, dOut: dInner, x: x, pass)
      case (.gated(let unit, let gate, let up, let down), let raised?):
        let dUp = pass.arena.rows(x.count, inner)
        unit.forward(activated, gate: trace.inner, up: raised)
        down.backward(dx: dInner, dOut: dOut, x: activated, pass)
        unit.backward(dGate: dInner, dUp: dUp, dOut: dInner, gate: trace.inner, up: raised)
        gate.backward(dx: dx, dOut: dInner, x: x, pass)
        up.backward(dx: dx, accumulates: true, dOut: dUp, x: x, pass)
      case (.gated, nil): preconditionFailure("a gated trace has two parts")
      }
    }
  }

  /// Takes the scratch memory that `backward` takes, and gives it back.
  func countBackward(rows: Int, _ arena: Arena) {
    arena.scratch {
      for _ in 0..<2 { _ = arena.rows(rows, inner) }
      switch layers {
      case .plain(_, let expand, let contract):
        for layer in [expand, contract] { layer.countBackward(rows: rows, arena) }
      case .gated(_, let gate, let up, let down):
        _ = arena.rows(rows, inner)
        for layer in [gate, up, down] { layer.countBackward(rows: rows, arena) }
      }
    }
  }
}
