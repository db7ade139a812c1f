import Layers
import Numerics
import Testing

@Suite struct NormLayerTests {
  let rows = 4, width = 9

  @Test(
    arguments: [NormKind.layer(epsilon: 1e-5), .rootMeanSquare(epsilon: 1e-3)], [true, false])
  func gradients(_ kind: NormKind, isTrained: Bool) {
    var layout = ParameterLayout(training: isTrained ? .all : .bridge)
    let layer = NormLayer(&layout, "norm", width: width, kind, group: .generator)
    let set = parameters(layout)
    #expect(set.tensors.allSatisfy { $0.isTrained == isTrained })
    let (x, c) = (Values(rows, width, seed: 1), Values(rows, width, seed: 2))
    let (y, dx) = (Values(rows, width), Values(rows, width))
    let pass = Pass(set.weights, Arena(), gradients: Gradients(set))
    layer.backward(dx: dx.rows, dOut: c.rows, x: x.rows, pass)
    func loss() -> Double {
      layer.forward(y.rows, x.rows, pass)
      return weighted(c.rows, y.rows)
    }
    set.checkGradients(loss: loss)
    checkGradient("dx", x.rows, dx.array, loss: loss)
  }

  @Test(arguments: [NormKind.layer(epsilon: 1e-2), .rootMeanSquare(epsilon: 1e-2)])
  func agreesWithTheDefinition(_ kind: NormKind) throws {
    var layout = ParameterLayout()
    let layer = NormLayer(&layout, "norm", width: width, kind, group: .generator)
    let set = parameters(layout)
    let x = Values(rows, width, seed: 1)
    let y = Values(rows, width)
    layer.forward(y.rows, x.rows, Pass(set.weights, Arena()))
    let weight = set.values(of: try #require(set["norm.weight"])).map(Double.init)
    let bias = set["norm.bias"].map { set.values(of: $0).map(Double.init) }
    #expect((bias != nil) == (kind == .layer(epsilon: 1e-2)))
    for row in 0..<rows {
      let values = x.array[row * width..<(row + 1) * width].map(Double.init)
      let mean = bias == nil ? 0 : values.reduce(0, +) / Double(width)
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      for c in 0..<width {
        let expected =
          (values[c] - mean) / (square + 1e-2).squareRoot() * weight[c] + (bias?[c] ?? 0)
        // A handful of roundings of values of order one.
        #expect(abs(Double(y.array[row * width + c]) - expected) <= 2e-6)
      }
    }
  }
}
