import Numerics

/// How rows are normalised.
public enum NormKind: Sendable, Equatable {
  /// Around their mean, with a scale and a bias a channel.
  case layer(epsilon: Float)
  /// By their root mean square, with a scale a channel.
  case rootMeanSquare(epsilon: Float)
}

/// A normalisation: where its parameters lie.
public struct NormLayer: Sendable {
  public let width: Int
  private let kind: NormKind
  private let weight: Parameter
  private let bias: Parameter?

  /// `name.weight` and, of a layer norm, `name.bias`.
  public init(
    _ layout: inout ParameterLayout, _ name: String, width: Int, _ kind: NormKind,
    group: ParameterGroup, scale: Float = 1
  ) {
    self.width = width
    self.kind = kind
    weight = layout.add("\(name).weight", [width], group, .constant(scale))
    if case .layer = kind {
      bias = layout.add("\(name).bias", [width], group, .constant(0))
    } else {
      bias = nil
    }
  }

  /// out [R, width] from x [R, width]; `out` is another place than `x`.
  public func forward(_ out: Rows, _ x: Rows, _ pass: Pass) {
    switch (kind, bias) {
    case (.layer(let epsilon), let bias?):
      layerNorm(
        out, x, weight: pass.weights[weight], bias: pass.weights[bias], epsilon: epsilon)
    case (.layer(let epsilon), nil), (.rootMeanSquare(let epsilon), _):
      rmsNorm(out, x, weight: pass.weights[weight], epsilon: epsilon)
    }
  }

  /// Adds to all gradients; `dx` is nil where the input is not trained.
  public func backward(dx: Rows?, dOut: Rows, x: Rows, _ pass: Pass) {
    switch (kind, bias) {
    case (.layer(let epsilon), let bias?):
      layerNormBackward(
        dx: dx, dWeight: pass.gradient(weight), dBias: pass.gradient(bias), dOut: dOut, x: x,
        weight: pass.weights[weight], epsilon: epsilon)
    case (.layer(let epsilon), nil), (.rootMeanSquare(let epsilon), _):
      rmsNormBackward(
        dx: dx, dWeight: pass.gradient(weight), dOut: dOut, x: x, weight: pass.weights[weight],
        epsilon: epsilon)
    }
  }
}
