import Numerics

// y = x Wᵀ + b + (x Aᵀ) Bᵀ, the last where a low-rank addition is trained (Hu et al., arXiv 2106.09685)
//
// Shapes: R rows, I inputs, O outputs, r the rank; W [O, I], b [O], A [r, I], B [O, r].
// Backward: dx = dy W + (dy B) A,  dW += dyᵀ x,  db += Σ_rows dy,  dB += dyᵀ (x Aᵀ),  dA += (dy B)ᵀ x,
// each where it is trained.

/// A linear layer: where its parameters lie.
public struct LinearLayer: Sendable {
  public let inputs: Int
  public let outputs: Int
  private let weight: Parameter
  private let bias: Parameter?
  private let number: Int
  private let addition: (down: Parameter, up: Parameter)?

  /// A layer of its own, `name.weight` and, unless `bias` is nil, `name.bias`.
  ///
  /// - Parameter isAdapted: Whether it has a low-rank addition, `name.lora_A.weight` and
  ///   `name.lora_B.weight`, where the layout trains such. It begins as zero, since B does.
  public init(
    _ layout: inout ParameterLayout, _ name: String, inputs: Int, outputs: Int,
    group: ParameterGroup, weight: InitialValues, bias: InitialValues?, isAdapted: Bool = false
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = layout.add("\(name).weight", [outputs, inputs], group, weight)
    self.bias = bias.map { layout.add("\(name).bias", [outputs], group, $0) }
    number = layout.number(self.weight)
    if isAdapted, let rank = layout.training.rank {
      let names = Self.additionNames(name)
      addition = (
        layout.add(
          names.down, [rank, inputs], group, .linear(inputs: inputs), isTrained: true),
        layout.add(names.up, [outputs, rank], group, .constant(0), isTrained: true)
      )
    } else {
      addition = nil
    }
  }

  /// A layer whose weight is an embedding's table, [outputs, inputs].
  public init(
    _ layout: inout ParameterLayout, tiedTo table: Parameter, inputs: Int, outputs: Int
  ) {
    self.inputs = inputs
    self.outputs = outputs
    weight = table
    bias = nil
    addition = nil
    number = layout.number(table)
  }

  /// out [R, O] from x [R, I].
  public func forward(_ out: Rows, _ x: Rows, _ pass: Pass) {
    let bias = bias.map { pass.weights[$0] }
    if let packed = pass.weights.packed {
      packed.multiply(number, out, x, bias: bias)
    } else {
      linear(out, x, weight: pass.weights[weight], bias: bias)
    }
    guard let addition else { return }
    pass.arena.scratch {
      let low = pass.arena.rows(x.count, pass.weights[addition.down].count)
      let added = pass.arena.rows(out.count, out.width)
      linear(low, x, weight: pass.weights[addition.down], bias: nil)
      linear(added, low, weight: pass.weights[addition.up], bias: nil)
      out.add(added)
    }
  }

  /// Adds the parameters' gradients; writes `dx`, or adds to it.
  public func backward(
    dx: Rows?, accumulates: Bool = false, dOut: Rows, x: Rows, _ pass: Pass
  ) {
    linearBackward(
      dx: dx, accumulates: accumulates, dWeight: pass.gradient(weight),
      dBias: bias.flatMap { pass.gradient($0) }, dOut: dOut, x: x, weight: pass.weights[weight])
    guard let addition else { return }
    pass.arena.scratch {
      let (down, up) = (pass.weights[addition.down], pass.weights[addition.up])
      let low = pass.arena.rows(x.count, down.count)
      let dLow = pass.arena.rows(x.count, down.count)
      linear(low, x, weight: down, bias: nil)
      linearBackward(
        dx: dLow, dWeight: pass.gradient(addition.up), dBias: nil, dOut: dOut, x: low, weight: up)
      linearBackward(
        dx: dx, accumulates: true, dWeight: pass.gradient(addition.down), dBias: nil, dOut: dLow,
        x: x, weight: down)
    }
  }

  /// Takes the scratch memory that `backward` takes, and gives it back.
  public func countBackward(rows: Int, _ arena: Arena) {
    guard let addition else { return }
    arena.scratch { for _ in 0..<2 { _ = arena.rows(rows, addition.down.rows) } }
  }
}

// MARK: Names

extension LinearLayer {
  private static func additionNames(_ name: String) -> (down: String, up: String) {
    ("\(name).lora_A.weight", "\(name).lora_B.weight")
  }

  /// The names that A and B of a weight have, where there are such.
  package static func additions(to weight: String) -> (down: String, up: String)? {
    guard weight.hasSuffix(".weight") else { return nil }
    return additionNames(String(weight.dropLast(".weight".count)))
  }

  /// Whether a tensor is part of a low-rank addition.
  package static func isAddition(_ name: String) -> Bool {
    name.hasSuffix(".lora_A.weight") || name.hasSuffix(".lora_B.weight")
  }
}
