import Layers
import Numerics
import Testing

@Suite struct TransformerBlockTests {
  enum Kind: String, CaseIterable, Sendable {
    /// Grouped queries, rotary positions, root mean square norms, a gated feed-forward half; biases as
    /// Qwen2 has them.
    case llama
    /// Layer norms, a window, biases on what comes out, GELU by tanh.
    case gptNeo
    /// Norms around each half and of each head, scores that are capped, a gate of GELU.
    case gemma3
    /// Halves side by side, of which part of each head turns.
    case gptNeoX

    static let width = 12

    var description: BlockDescription {
      func part(_ name: String, _ hasBias: Bool = false) -> ProjectionDescription {
        ProjectionDescription(name, hasBias: hasBias)
      }
      switch self {
      case .llama:
        return BlockDescription(
          width: Self.width, norm: .rootMeanSquare(epsilon: 1e-3),
          attention: AttentionDescription(
            heads: AttentionHeads(count: 4, keyValueCount: 2, size: 4, queryScale: 0.5),
            rotary: RotaryDescription(theta: 50), query: part("q", true), key: part("k", true),
            value: part("v", true), output: part("o")),
          feedForward: .gated(inner: 10, gate: part("gate"), up: part("up"), down: part("down")),
          attentionNorm: "norm1", feedForwardNorm: "norm2")
      case .gptNeo:
        return BlockDescription(
          width: Self.width, norm: .layer(epsilon: 1e-3),
          attention: AttentionDescription(
            heads: AttentionHeads(count: 3, size: 4), window: 3, query: part("q"), key: part("k"),
            value: part("v"), output: part("o", true), order: [\.key, \.value, \.query]),
          feedForward: .plain(
            .tanh, inner: 10, expand: part("fc", true), contract: part("proj", true)),
          attentionNorm: "norm1", feedForwardNorm: "norm2")
      case .gemma3:
        let norm = NormKind.rootMeanSquare(epsilon: 1e-3)
        return BlockDescription(
          width: Self.width, norm: norm,
          arrangement: .around(attention: "norm3", feedForward: "norm4"),
          attention: AttentionDescription(
            heads: AttentionHeads(count: 4, keyValueCount: 2, size: 4, queryScale: 0.4), window: 3,
            softCap: 2, rotary: RotaryDescription(theta: 50),
            queryNorm: NormDescription("qn", norm), keyNorm: NormDescription("kn", norm),
            query: part("q"), key: part("k"), value: part("v"), output: part("o")),
          feedForward: .gated(
            .geGLU, inner: 10, gate: part("gate"), up: part("up"), down: part("down")),
          attentionNorm: "norm1", feedForwardNorm: "norm2")
      case .gptNeoX:
        return BlockDescription(
          width: Self.width, norm: .layer(epsilon: 1e-3), arrangement: .parallel,
          attention: AttentionDescription(
            heads: AttentionHeads(count: 2, size: 6, queryScale: 0.4),
            rotary: RotaryDescription(
              theta: 50, dimensions: 4, scaling: .factors([1, 3], magnitude: 1.2)),
            query: part("q", true), key: part("k", true), value: part("v", true),
            output: part("o", true)),
          feedForward: .plain(
            .exact, inner: 10, expand: part("fc", true), contract: part("proj", true)),
          attentionNorm: "norm1", feedForwardNorm: "norm2")
      }
    }
  }

  private struct Fixture {
    let block: TransformerBlock
    let layout: ParameterLayout
    let set: ParameterSet
    let width = Kind.width

    init(_ kind: Kind, _ training: TrainedParts = .all) {
      var layout = ParameterLayout(training: training)
      block = TransformerBlock(&layout, kind.description, index: 0)
      self.layout = layout
      set = parameters(layout)
    }

    func forward(_ out: Rows, _ x: Rows, _ sequences: Sequences, _ pass: Pass) {
      pass.arena.scratch {
        block.forward(
          out, x, sequences, layer: 0, block.trace(rows: x.count, pass.arena), pass)
      }
    }
  }

  /// Every tensor's gradient and the input's, over two documents, the first longer than the window.
  @Test(arguments: Kind.allCases, [TrainedParts.all, .lora(rank: 2)])
  func gradients(_ kind: Kind, _ training: TrainedParts) {
    checkGradients(kind, training, dropout: nil)
  }

  @Test(arguments: Kind.allCases) func gradientsUnderDropout(_ kind: Kind) {
    checkGradients(
      kind, .all,
      dropout: DropoutPlan(
        rates: DropoutRates(residual: 0.3, selfAttention: 0.3), seed: 5, step: 2))
  }

  private func checkGradients(_ kind: Kind, _ training: TrainedParts, dropout: DropoutPlan?) {
    let fixture = Fixture(kind, training)
    let lengths = [5, 2]
    let rows = lengths.reduce(0, +)
    let (x, c) = (Values(rows, fixture.width, seed: 1), Values(rows, fixture.width, seed: 2))
    let (y, dx) = (Values(rows, fixture.width), Values(rows, fixture.width))
    let pass = Pass(
      fixture.set.weights, Arena(), gradients: Gradients(fixture.set), dropout: dropout)
    let sequences = Sequences(lengths: lengths)
    let trace = fixture.block.trace(rows: rows, pass.arena)
    fixture.block.forward(y.rows, x.rows, sequences, layer: 0, trace, pass)
    dx.rows.update(from: c.rows)
    fixture.block.backward(dStream: dx.rows, x: x.rows, sequences, trace, pass)
    func loss() -> Double {
      fixture.forward(y.rows, x.rows, sequences, pass)
      return weighted(c.rows, y.rows)
    }
    fixture.set.checkGradients(loss: loss)
    checkGradient("dx", x.rows, dx.array, loss: loss)
  }

  /// No document's rows depend on what it was batched with.
  @Test(arguments: Kind.allCases) func documentsAreIndependent(_ kind: Kind) {
    let fixture = Fixture(kind)
    let lengths = [5, 1, 9]
    let x = Values(15, fixture.width, seed: 1)
    let (together, alone) = (Values(15, fixture.width), Values(15, fixture.width))
    let pass = Pass(fixture.set.weights, Arena())
    fixture.forward(together.rows, x.rows, Sequences(lengths: lengths), pass)
    var first = 0
    for length in lengths {
      let range = first..<first + length
      fixture.forward(alone.rows[range], x.rows[range], Sequences(lengths: [length]), pass)
      first += length
    }
    #expect(alone.array == together.array)
  }

  /// A session's pieces, with keys and values in memory and packed weights, have the bits of the whole.
  @Test(arguments: Kind.allCases, [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [5, 1, 4, 2], [12]])
  func sessionsEqualTheWhole(_ kind: Kind, pieces: [Int]) {
    let fixture = Fixture(kind)
    let count = 12
    let x = Values(count, fixture.width, seed: 1)
    let (whole, stepped) = (Values(count, fixture.width), Values(count, fixture.width))
    let arena = Arena()
    fixture.forward(
      whole.rows, x.rows, Sequences(lengths: [count]), Pass(fixture.set.weights, arena))
    let memory = KeyValueMemory(
      heads: kind.description.attention.heads, capacity: count, layers: 1)
    let pass = Pass(fixture.set.weights.packed(for: fixture.layout), arena)
    var position = 0
    for piece in pieces {
      let range = position..<position + piece
      fixture.forward(
        stepped.rows[range], x.rows[range],
        Sequences([
          Sequences.Part(rows: 0..<piece, own: StoredKeys(memory, count: position))
        ]), pass)
      position += piece
    }
    #expect(stepped.array == whole.array)
  }

  /// Two documents that share a stored beginning, in one pass, have the bits of each alone.
  @Test(arguments: Kind.allCases) func sharedBeginningsGiveTheSameBits(_ kind: Kind) {
    let fixture = Fixture(kind)
    let (width, shared) = (fixture.width, 4)
    let heads = kind.description.attention.heads
    let pass = Pass(fixture.set.weights, Arena())
    let x = Values(shared + 3 + 6, width, seed: 1)
    let beginning = KeyValueMemory(heads: heads, capacity: shared, layers: 1)
    let out = Values(shared, width)
    fixture.forward(
      out.rows, x.rows[0..<shared],
      Sequences([Sequences.Part(rows: 0..<shared, own: StoredKeys(beginning, count: 0))]), pass)
    let rest = Values(9, width)
    let earlier = [StoredKeys(beginning, count: shared)]
    fixture.forward(
      rest.rows, x.rows[shared..<shared + 9],
      Sequences([
        Sequences.Part(
          rows: 0..<3, earlier: earlier,
          own: StoredKeys(KeyValueMemory(heads: heads, capacity: 3, layers: 1), count: 0)),
        Sequences.Part(
          rows: 3..<9, earlier: earlier,
          own: StoredKeys(KeyValueMemory(heads: heads, capacity: 6, layers: 1), count: 0)),
      ]), pass)
    for range in [0..<3, 3..<9] {
      let document = Values(shared + range.count, width)
      document.rows[0..<shared].update(from: x.rows[0..<shared])
      document.rows[shared..<document.rows.count].update(
        from: x.rows[shared + range.lowerBound..<shared + range.upperBound])
      let whole = Values(document.rows.count, width)
      fixture.forward(
        whole.rows, document.rows, Sequences(lengths: [document.rows.count]), pass)
      #expect(
        whole.array
          == Array(out.array + rest.array[range.lowerBound * width..<range.upperBound * width]))
    }
  }
}
