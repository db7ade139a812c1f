import Layers
import Numerics
import Testing

@Suite struct LinearLayerTests {
  let rows = 4, inputs = 7, outputs = 5

  private func make(_ training: TrainedParts, hasBias: Bool = true) -> (
    LinearLayer, ParameterLayout
  ) {
    var layout = ParameterLayout(training: training)
    let layer = LinearLayer(
      &layout, "proj", inputs: inputs, outputs: outputs, group: .generator, weight: .transformer,
      bias: hasBias ? .constant(0) : nil, isAdapted: true)
    return (layer, layout)
  }

  @Test(arguments: [TrainedParts.all, .bridge, .lora(rank: 2)], [true, false])
  func gradients(_ training: TrainedParts, hasBias: Bool) {
    let (layer, layout) = make(training, hasBias: hasBias)
    let set = parameters(layout)
    let expected: Set<String> =
      switch training {
      case .all: hasBias ? ["proj.weight", "proj.bias"] : ["proj.weight"]
      case .bridge: []
      case .lora: ["proj.lora_A.weight", "proj.lora_B.weight"]
      }
    let trained = Set(set.tensors.filter { $0.isTrained }.map { $0.name })
    #expect(trained == expected)
    let (x, c) = (Values(rows, inputs, seed: 1), Values(rows, outputs, seed: 2))
    let (y, dx) = (Values(rows, outputs), Values(rows, inputs))
    let pass = Pass(set.weights, Arena(), gradients: Gradients(set))
    let before = set.tensors.map { Array(set.values(of: $0)) }
    layer.backward(dx: dx.rows, dOut: c.rows, x: x.rows, pass)
    #expect(set.tensors.map { Array(set.values(of: $0)) } == before)
    func loss() -> Double {
      layer.forward(y.rows, x.rows, pass)
      return weighted(c.rows, y.rows)
    }
    set.checkGradients(loss: loss)
    checkGradient("dx", x.rows, dx.array, loss: loss)
  }

  /// x Wᵀ + b + (x Aᵀ) Bᵀ is x (W + B A)ᵀ + b.
  @Test func aLowRankAdditionIsItsMergedWeight() throws {
    let rank = 3
    let (layer, layout) = make(.lora(rank: rank))
    let set = parameters(layout)
    func values(_ name: String) throws -> [Double] {
      try set.values(of: #require(set["proj.\(name)"])).map(Double.init)
    }
    let (w, b) = (try values("weight"), try values("bias"))
    let (down, up) = (try values("lora_A.weight"), try values("lora_B.weight"))
    let x = Values(rows, inputs, seed: 1)
    for weights in [set.weights, set.weights.packed(for: layout)] {
      let y = Values(rows, outputs, seed: 3)
      layer.forward(y.rows, x.rows, Pass(weights, Arena()))
      for row in 0..<rows {
        for o in 0..<outputs {
          let expected = (0..<inputs).reduce(b[o]) { sum, i in
            let merged = (0..<rank).reduce(w[o * inputs + i]) {
              $0 + up[o * rank + $1] * down[$1 * inputs + i]
            }
            return sum + merged * Double(x.array[row * inputs + i])
          }
          // A dozen roundings of values of order one.
          #expect(abs(Double(y.array[row * outputs + o]) - expected) <= 2e-6)
        }
      }
    }
  }

  /// It begins as zero, so that a model is what it was.
  @Test func aLowRankAdditionBeginsAsNothing() throws {
    let (layer, layout) = make(.lora(rank: 2))
    let set = ParameterSet(layout)
    set.initialize(seed: 1, .name)
    let up = try #require(set["proj.lora_B.weight"])
    let down = try #require(set["proj.lora_A.weight"])
    #expect(set.values(of: up).allSatisfy { $0 == 0 })
    #expect(set.values(of: down).contains { $0 != 0 })
    let x = Values(rows, inputs, seed: 1)
    let (y, plain) = (Values(rows, outputs), Values(rows, outputs))
    layer.forward(y.rows, x.rows, Pass(set.weights, Arena()))
    linear(
      plain.rows, x.rows,
      weight: Rows(
        set.base(of: try #require(set["proj.weight"])), count: outputs, width: inputs),
      bias: set.row(of: try #require(set["proj.bias"])))
    #expect(y.array == plain.array)
  }

  /// Decoding packs every weight once: the same bits.
  @Test(arguments: [TrainedParts.all, .lora(rank: 2)])
  func packedWeightsGiveTheSameBits(_ training: TrainedParts) {
    let (layer, layout) = make(training)
    let set = parameters(layout)
    let x = Values(rows, inputs, seed: 1)
    let (y, packed) = (Values(rows, outputs), Values(rows, outputs))
    layer.forward(y.rows, x.rows, Pass(set.weights, Arena()))
    layer.forward(packed.rows, x.rows, Pass(set.weights.packed(for: layout), Arena()))
    #expect(y.array == packed.array)
  }
}
