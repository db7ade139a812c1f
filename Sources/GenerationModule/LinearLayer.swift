import Numerics

/// y = x Wᵀ + b: where its parameters lie.
struct LinearLayer: Sendable {
  let inputs: Int
  let outputs: Int
  private let weight: Int
  private let bias: Int?
  private let number: Int

  /// A layer of its own, `name.weight` and, unless `bias` is nil, `name.bias`.
  init(
    _ layout: inout ParameterLayout, _ name: String, inputs: Int, outputs: Int,
    group: ParameterGroup, weight: InitialValues, bias: InitialValues?
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = layout.add("\(name).weight", [outputs, inputs], group, weight)
    self.bias = bias.map { layout.add("\(name).bias", [outputs], group, $0) }
    number = layout.number(weight: self.weight, outputs: outputs, inputs: inputs)
  }

  /// A layer whose weight is an embedding's table, [outputs, inputs].
  init(_ layout: inout ParameterLayout, tiedTo table: Int, inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
    weight = table
    bias = nil
    number = layout.number(weight: table, outputs: outputs, inputs: inputs)
  }

  /// out [rows, outputs] from x [rows, inputs].
  func forward(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ weights: Weights
  ) {
    let bias = bias.map { weights.values + $0 }
    if let packed = weights.packed {
      packed.multiply(number, out, x, rows: rows, bias: bias)
    } else {
      linearForward(
        out, x, weight: weights.values + weight, bias: bias, rows: rows, inputs: inputs,
        outputs: outputs)
    }
  }

  /// Adds the parameters' gradients; writes `dx`, or adds to it.
  func backward(
    dx: UnsafeMutablePointer<Float>?, accumulateInput: Bool = false, dOut: UnsafePointer<Float>,
    x: UnsafePointer<Float>, rows: Int, _ weights: Weights, _ gradients: UnsafeMutablePointer<Float>
  ) {
    linearBackward(
      dx: dx, accumulateInput: accumulateInput, dWeight: gradients + weight,
      dBias: bias.map { gradients + $0 }, dOut: dOut, x: x, weight: weights.values + weight,
      rows: rows, inputs: inputs, outputs: outputs)
  }
}
