import Numerics
import Testing

/// Every operation stops the process, in release builds too, when its rows do not fit together.
@Suite struct WrongShapeTests {
  enum Operation: String, Codable, CaseIterable, Sendable {
    case linearValues, linearGradients, layerNormValues, layerNormGradients, rmsNormValues
    case rmsNormGradients, rowNorm
    case gelu, geluBackward, gate, gateBackward, concatenate, split, swiGLU, swiGLUBackward
    case gather, addGathered, scatter, crossEntropy, target, rotate, rotateBack, panels
    case attention, attentionBackward, probabilities, copy, add

    /// Runs the operation on small rows, of which one is too long by one where `isWrong`.
    func run(isWrong: Bool) {
      let memory = FloatBuffer(count: 64 * 32)
      var taken = 0
      func rows(_ count: Int, _ width: Int) -> Rows {
        defer { taken += 1 }
        return Rows(memory.base + taken * 64, count: count, width: width)
      }
      let more = isWrong ? 1 : 0
      let (x, y, z, w) = (rows(3, 4), rows(3, 4), rows(3, 4), rows(1, 4))
      let wrong = rows(3, 4 + more)
      switch self {
      case .linearValues:
        linear(rows(3, 2), x, weight: rows(2, 4), bias: rows(1, 2 + more))
      case .linearGradients:
        linearBackward(
          dx: wrong, dWeight: nil, dBias: nil, dOut: rows(3, 2), x: x, weight: rows(2, 4))
      case .layerNormValues:
        layerNorm(y, x, weight: w, bias: rows(1, 4 + more), epsilon: 1)
      case .layerNormGradients:
        layerNormBackward(
          dx: nil, dWeight: nil, dBias: rows(1, 4 + more), dOut: y, x: x, weight: w, epsilon: 1)
      case .rmsNormValues: rmsNorm(wrong, x, weight: w, epsilon: 1)
      case .rmsNormGradients:
        rmsNormBackward(
          dx: nil, dWeight: rows(1, 4 + more), dOut: y, x: x, weight: w, epsilon: 1)
      case .rowNorm: RowNorm.rootMeanSquare(weight: w, epsilon: 1).normalize(wrong)
      case .gelu: GELU.exact.forward(wrong, x)
      case .geluBackward: GELU.tanh.backward(dx: wrong, dOut: x, x: y)
      case .gate: GateMixture.added.forward(y, gate: wrong, x: x, a: z)
      case .gateBackward:
        GateMixture.convex.backward(
          dStream: rows(3, 4), da: wrong, dz: rows(3, 4), gate: y, x: x, a: z)
      case .concatenate: concatenateColumns(rows(3, 8 + more), x, y)
      case .split: addSplitColumns(dx: x, da: y, dOut: rows(3, 8 + more))
      case .swiGLU: GatedLinearUnit.swiGLU.forward(y, gate: x, up: wrong)
      case .swiGLUBackward:
        GatedLinearUnit.swiGLU.backward(dGate: rows(3, 4), dUp: wrong, dOut: y, gate: x, up: z)
      case .gather: gatherRows(x, y, indices: [0, 2, 2 + Int32(more)])
      case .addGathered: addGatheredRows(x, y, indices: [0, 2, -Int32(more)])
      case .scatter: scatterAddRows(y, wrong, indices: [0, 2, 1])
      case .crossEntropy:
        softmaxCrossEntropy(losses: rows(3 + more, 1), logits: x, targets: [0, 1, 2])
      case .target:
        softmaxCrossEntropy(losses: rows(3, 1), logits: x, targets: [0, 1, 3 + Int32(more)])
      case .rotate:
        RotaryAngles(positions: [0, 1, 2], dimensions: 4, theta: 10).rotate(
          x, heads: 1, column: more)
      case .rotateBack:
        RotaryAngles(positions: [0, 1, 2], dimensions: 4, theta: 10)
          .rotateBack(rows(3 + more, 4), heads: 1)
      case .panels:
        let panels = KeyValuePanels(headCount: 1, headSize: 4, capacity: 16)
        panels.store(keys: x, values: y, at: 13 + more, in: memory.base + 64 * 16)
      case .attention, .attentionBackward, .probabilities: attend(x, y, z, rows(3, 4), more)
      case .copy: x.update(from: wrong)
      case .add: x.add(wrong)
      }
    }

    private func attend(_ q: Rows, _ k: Rows, _ v: Rows, _ out: Rows, _ more: Int) {
      let attention = Attention(AttentionHeads(count: 2, size: 2), mask: .causal)
      let spans = [KeySpan(keys: k, values: v)]
      let segment = AttentionSegment(rows: 0..<3, spans: spans)
      switch self {
      case .attention:
        attention.forward(
          out, queries: q, segments: [AttentionSegment(rows: more..<3 + more, spans: spans)])
      case .attentionBackward:
        let gradients = FloatBuffer(count: 64)
        let dKeys = Rows(gradients.base, count: 3, width: 4)
        attention.backward(
          dQueries: out, dSpans: [[.init(keys: dKeys, values: dKeys[0..<3 - more])]], dOut: q,
          queries: q, segments: [segment])
      default: _ = attention.probabilities(queries: q, segment: segment, head: 1 + more)
      }
    }
  }

  @Test(arguments: Operation.allCases) func aWrongShapeStopsTheProcess(_ operation: Operation) async
  {
    await #expect(processExitsWith: .failure) { [operation] in
      operation.run(isWrong: true)
    }
  }

  /// So that it is the one wrong size that stops it.
  @Test(arguments: Operation.allCases) func theRightShapeDoesNot(_ operation: Operation) {
    operation.run(isWrong: false)
  }
}
