import Layers
import Numerics

// p = Σ_k P_k [Σ_s w_1s n_s; ...; Σ_s w_Hs n_s; n_S],  n = LN_k(states of stream k),  w_h = softmax_s(q_h n_s)
//
// One vector for a document: of each stream, its states averaged under H learned weightings, which begin as their
// plain mean, and the last state. It is added to the stream where the answer begins, so that what a linear read-out
// of the mean and the last state knows, the generator knows before its first layer.
// Shapes: S states of width D in a document, H weightings, C the stream's width; P_k [C, (H + 1) D].
// Backward, with f the features that P is given: df = Pᵀ dp, dw_hs = df_h n_s, through the softmax to dq and dn,
// dn_s += Σ_h w_hs df_h, and dn_S += df's last part.

/// A reading of a whole prompt at once, for the generator's first answering position.
struct PooledReading: Sendable {
  /// What a forward pass leaves for the backward pass, a stream each.
  struct Trace {
    /// [states, H]
    let weights: [Rows]
    /// [documents, (H + 1) D]
    let features: [Rows]
    /// [documents, C]: what is added.
    let pooled: Rows
  }

  private struct StreamReader: Sendable {
    let norm: NormLayer
    let query, projection: LinearLayer
  }

  private let readers: [StreamReader]
  private let weightings: Int
  private let width: Int

  /// - Parameter startsShut: whether what is added begins as exactly zero.
  init(
    _ layout: inout ParameterLayout, weightings: Int, _ shape: BridgeShape, startsShut: Bool
  ) {
    self.weightings = weightings
    width = shape.width
    readers = shape.streams.enumerated().map { number, stream in
      let suffix = number == 0 ? "" : ".\(number)"
      let inputs = (weightings + 1) * stream.width
      return StreamReader(
        norm: NormLayer(
          &layout, "pooled.norm\(suffix)", width: stream.width, .layer(epsilon: shape.epsilon),
          group: .bridge),
        query: LinearLayer(
          &layout, "pooled.query\(suffix)", inputs: stream.width, outputs: weightings,
          group: .bridge, weight: .constant(0), bias: nil),
        projection: LinearLayer(
          &layout, "pooled.proj\(suffix)", inputs: inputs, outputs: shape.width, group: .bridge,
          weight: startsShut ? .constant(0) : .linear(inputs: inputs), bias: nil))
    }
  }

  func trace(_ batch: GeneratorBatch, _ arena: Arena) -> Trace {
    let documents = batch.sequences.parts.count
    return Trace(
      weights: batch.streams.map { arena.rows($0.states.count, weightings) },
      features: batch.streams.map { arena.rows(documents, (weightings + 1) * $0.states.width) },
      pooled: arena.rows(documents, width))
  }

  /// x += p at each document's first answering position, of the states that come with the pass or came before.
  func forward(
    _ x: Rows, _ batch: GeneratorBatch, memories: [BridgeMemory]?, _ trace: Trace, _ pass: Pass
  ) {
    trace.pooled.fill(0)
    for (number, reader) in readers.enumerated() where batch.streams[number].states.count > 0 {
      pass.arena.scratch {
        let stream = batch.streams[number]
        let normed = pass.arena.rows(stream.states.count, stream.states.width)
        let projected = pass.arena.rows(trace.pooled.count, width)
        reader.norm.forward(normed, stream.states, pass)
        reader.query.forward(trace.weights[number], normed, pass)
        pool(trace.features[number], trace.weights[number], normed, stream.parts)
        dropout(number, pass)?.apply(trace.features[number])
        reader.projection.forward(projected, trace.features[number], pass)
        trace.pooled.add(projected)
      }
    }
    for place in batch.sequences.parts.indices {
      let came = batch.streams.contains { !$0.parts[place].isEmpty }
      if let memory = memories?[place], came {
        memory.pooled = Array(UnsafeBufferPointer(start: trace.pooled.row(place), count: width))
      }
      guard let row = batch.answers[place] else { continue }
      if came {
        axpy(width, 1, trace.pooled.row(place), x.row(row))
      } else if let earlier = memories?[place].pooled {
        axpy(width, 1, earlier, x.row(row))
      }
    }
  }

  /// Adds the parameters' gradients; `dStream` [R, C] is that of x, before and after.
  func backward(dStream: Rows, _ batch: GeneratorBatch, _ trace: Trace, _ pass: Pass) {
    let arena = pass.arena
    arena.scratch {
      let dPooled = arena.zeros(trace.pooled.count, width)
      for (place, row) in batch.answers.enumerated() {
        if let row { dPooled[place..<place + 1].update(from: dStream[row..<row + 1]) }
      }
      for (number, reader) in readers.enumerated() where batch.streams[number].states.count > 0 {
        arena.scratch {
          let stream = batch.streams[number]
          let states = stream.states
          let normed = arena.rows(states.count, states.width)
          let dNormed = arena.rows(states.count, states.width)
          let dScores = arena.rows(states.count, weightings)
          let dFeatures = arena.rows(trace.pooled.count, trace.features[number].width)
          reader.norm.forward(normed, states, pass)
          reader.projection.backward(
            dx: dFeatures, dOut: dPooled, x: trace.features[number], pass)
          dropout(number, pass)?.apply(dFeatures)
          poolBackward(
            dNormed: dNormed, dScores: dScores, dFeatures: dFeatures, trace.weights[number], normed,
            stream.parts)
          reader.query.backward(dx: dNormed, accumulates: true, dOut: dScores, x: normed, pass)
          reader.norm.backward(dx: nil, dOut: dNormed, x: states, pass)
        }
      }
    }
  }

  /// Of the features, as of the weights of cross-attention.
  private func dropout(_ stream: Int, _ pass: Pass) -> Dropout? {
    pass.dropout(\.crossAttention, site: DropoutSites.pooled(stream))
  }

  /// Takes the scratch memory that `backward` takes, and gives it back.
  func countBackward(_ batch: GeneratorBatch, _ arena: Arena) {
    arena.scratch {
      let documents = batch.sequences.parts.count
      _ = arena.rows(documents, width)
      for stream in batch.streams {
        arena.scratch {
          for _ in 0..<2 { _ = arena.rows(stream.states.count, stream.states.width) }
          _ = arena.rows(stream.states.count, weightings)
          _ = arena.rows(documents, (weightings + 1) * stream.states.width)
        }
      }
    }
  }

  /// Turns scores into weights, and states into each document's features; zero where it has no states.
  private func pool(_ features: Rows, _ scores: Rows, _ normed: Rows, _ parts: [Range<Int>]) {
    let (count, width) = (weightings, normed.width)
    parallelRanges(parts.count, grain: 1) { range in
      for place in range {
        let (part, feature) = (parts[place], features.row(place))
        feature.update(repeating: 0, count: features.width)
        guard let last = part.last else { continue }
        for weighting in 0..<count {
          var column = part.map { scores.row($0)[weighting] }
          column.withUnsafeMutableBufferPointer { column in
            guard let base = column.baseAddress else { return }
            softmax(column.count, base)
            for (index, state) in part.enumerated() {
              scores.row(state)[weighting] = base[index]
              axpy(width, base[index], normed.row(state), feature + weighting * width)
            }
          }
        }
        (feature + count * width).update(from: normed.row(last), count: width)
      }
    }
  }

  /// Writes the gradients of normed states and of scores.
  private func poolBackward(
    dNormed: Rows, dScores: Rows, dFeatures: Rows, _ weights: Rows, _ normed: Rows,
    _ parts: [Range<Int>]
  ) {
    let (count, width) = (weightings, normed.width)
    dNormed.fill(0)
    parallelRanges(parts.count, grain: 1) { range in
      for place in range {
        let (part, dFeature) = (parts[place], dFeatures.row(place))
        guard let last = part.last else { continue }
        for weighting in 0..<count {
          let gradient = dFeature + weighting * width
          var mean: Float = 0
          for state in part {
            let weight = weights.row(state)[weighting]
            let dWeight = dot(width, gradient, normed.row(state))
            dScores.row(state)[weighting] = dWeight
            mean += weight * dWeight
            axpy(width, weight, gradient, dNormed.row(state))
          }
          for state in part {
            let score = dScores.row(state) + weighting
            score.pointee = weights.row(state)[weighting] * (score.pointee - mean)
          }
        }
        axpy(width, 1, dFeature + count * width, dNormed.row(last))
      }
    }
  }
}
