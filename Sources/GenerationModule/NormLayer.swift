import Numerics

/// Layer normalisation: where its parameters lie.
struct NormLayer: Sendable {
  let width: Int
  private let epsilon: Float
  private let weight: Int
  private let bias: Int

  init(
    _ layout: inout ParameterLayout, _ name: String, width: Int, epsilon: Float,
    group: ParameterGroup, scale: Float = 1
  ) {
    self.width = width
    self.epsilon = epsilon
    weight = layout.add("\(name).weight", [width], group, .constant(scale))
    bias = layout.add("\(name).bias", [width], group, .constant(0))
  }

  /// out [rows, width] from x [rows, width].
  func forward(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, _ weights: Weights
  ) {
    layerNormForward(
      out, x, weight: weights.values + weight, bias: weights.values + bias, rows: rows,
      width: width, epsilon: epsilon)
  }

  /// Adds to all gradients; `dx` is nil where the input is not trained.
  func backward(
    dx: UnsafeMutablePointer<Float>?, dOut: UnsafePointer<Float>, x: UnsafePointer<Float>,
    rows: Int, _ weights: Weights, _ gradients: UnsafeMutablePointer<Float>
  ) {
    layerNormBackward(
      dx: dx, dWeight: gradients + weight, dBias: gradients + bias, dOut: dOut, x: x,
      weight: weights.values + weight, rows: rows, width: width, epsilon: epsilon)
  }
}
