import Architectures
import Generators
import Identity
import Layers
import ModelFiles
import Numerics

// x_0[t] = e[t] + W m + b,  m the mean of the prompt's states
//
// Backward: d = Σ_t dx_0[t] of each document;  dW += d mᵀ,  db += d.

/// A conditioning that the program does not have: the mean of the prompt's states, through one linear layer, is
/// added to every token's embedding.
struct MeanConditioning: Conditioning {
  static let name = "mean"

  let needs = SourceNeeds(coverage: .prompt, steps: false, readsStates: true)
  let gateCount = 0
  let replacesEmbeddings = false
  let checkpointMembers: [(key: String, value: any Encodable & Sendable)] = []
  var startToken: Int32? {
    get { nil }
    set {}
  }

  init(design: ConditioningDesign) {}
  init(checkpoint reader: ConfigurationReader) {}

  func validate(
    _ backbone: any GeneratorArchitecture, streams: [StreamShape]
  ) throws(GeneratorError) {
    guard streams.count == 1 else {
      throw .configuration(item: "streams", expected: "one", found: "\(streams.count)")
    }
  }

  func embeddedPrompt(_ prompt: [Int32]) -> [Int32] { prompt }

  func check(_ loss: LossScope) throws(GeneratorError) {
    guard loss == .response else {
      throw .unsupported(item: "loss: all", advice: "train on the response alone")
    }
  }

  func check(_ arm: StatesArm) throws(GeneratorError) {
    guard arm != .none else {
      throw .unsupported(item: "states: none", advice: "there is no mean of nothing")
    }
  }

  func makeNetwork(
    _ layout: inout ParameterLayout, _ backbone: any GeneratorArchitecture,
    streams: [StreamShape], isPretrained: Bool
  ) -> any ConditioningNetwork {
    let inputs = streams[0].width
    return MeanNetwork(
      layer: LinearLayer(
        &layout, "mean", inputs: inputs, outputs: backbone.width, group: .bridge,
        weight: .linear(inputs: inputs), bias: .constant(0)))
  }

  func weightsMetadata(_ backbone: any GeneratorArchitecture) -> [String: String] { [:] }
}

/// The mean of a session's states, once they came.
private final class MeanMemory: ConditioningMemory {
  var mean: [Float]?
  var pending: [Float]?

  func copy() -> any ConditioningMemory {
    let copy = MeanMemory()
    (copy.mean, copy.pending) = (mean, pending)
    return copy
  }
}

private struct MeanNetwork: ConditioningNetwork {
  /// The means of a pass's documents, [documents, states' width].
  private struct Means: ConditioningTrace {
    let rows: Rows
  }

  let layer: LinearLayer

  // MARK: Documents

  func rows(
    of document: GeneratorDocument, loss: LossScope, embedsLast: Bool, place: Int
  ) throws(GeneratorError) -> DocumentRows {
    guard document.states.count == 1, document.states[0].count >= layer.inputs else {
      throw .document(place, item: "states", expected: "at least one token's", found: "none")
    }
    let response = document.response
    return DocumentRows(
      tokens: document.prompt + (embedsLast ? response[...] : response.dropLast()),
      lossRows: response.indices.map { document.prompt.count - 1 + $0 }, targets: response)
  }

  func lossTokenCount(of document: GeneratorDocument, loss: LossScope) -> Int {
    document.response.count
  }

  // MARK: Passes

  func entryTrace(_ batch: GeneratorBatch, _ arena: Arena) -> any ConditioningTrace {
    Means(rows: arena.rows(batch.sequences.parts.count, layer.inputs))
  }

  func layerTrace(_ batch: GeneratorBatch, _ arena: Arena) -> (any ConditioningTrace)? { nil }

  private func means(_ trace: any ConditioningTrace) -> Rows {
    guard let means = trace as? Means else {
      preconditionFailure("a trace of another conditioning")
    }
    return means.rows
  }

  func enter(
    _ out: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass
  ) {
    let means = means(trace)
    for place in batch.sequences.parts.indices {
      let mean =
        (batch.memories?[place] as? MeanMemory).flatMap { $0.pending ?? $0.mean }
        ?? Self.mean(of: batch.streams[0].states[batch.streams[0].parts[place]])
      for (channel, value) in mean.enumerated() { means.row(place)[channel] = value }
    }
    backbone.embedTokens(out, batch, pass)
    backbone.addPositions(out, batch, pass)
    pass.arena.scratch {
      let added = pass.arena.rows(means.count, out.width)
      layer.forward(added, means, pass)
      for (place, part) in batch.sequences.parts.enumerated() {
        for row in part.rows { out[row..<row + 1].add(added[place..<place + 1]) }
      }
    }
  }

  func countBackward(_ batch: GeneratorBatch, _ arena: Arena) {
    arena.scratch { _ = arena.zeros(batch.sequences.parts.count, layer.outputs) }
  }

  func enterBackward(
    dStream: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass
  ) {
    let means = means(trace)
    pass.arena.scratch {
      let dAdded = pass.arena.zeros(means.count, dStream.width)
      for (place, part) in batch.sequences.parts.enumerated() {
        for row in part.rows { dAdded[place..<place + 1].add(dStream[row..<row + 1]) }
      }
      layer.backward(dx: nil, dOut: dAdded, x: means, pass)
    }
    backbone.embedTokensBackward(dStream, batch, pass)
    backbone.addPositionsBackward(dStream, batch, pass)
  }

  // There is nothing before a layer.

  func read(
    _ out: Rows, _ x: Rows, layer: Int, _ batch: GeneratorBatch, _ trace: any ConditioningTrace,
    _ pass: Pass
  ) {
    out.update(from: x)
  }

  func readBackward(
    dStream: Rows, x: Rows, layer: Int, _ batch: GeneratorBatch, _ trace: any ConditioningTrace,
    _ pass: Pass
  ) {}

  func entryGates(_ trace: any ConditioningTrace, rows: Range<Int>) -> [Float] { [] }
  func layerGates(_ layer: Int, _ trace: any ConditioningTrace, rows: Range<Int>) -> [Float] { [] }

  // MARK: Sessions

  func makeMemory(capacity: Int) -> any ConditioningMemory { MeanMemory() }

  func remember(
    _ states: [[Float]], tokens: Int, streams: [StreamShape], _ memory: any ConditioningMemory
  ) throws(GeneratorError) {
    guard let memory = memory as? MeanMemory else { return }
    guard let values = states.first, values.count >= layer.inputs else {
      guard memory.mean != nil else {
        throw .document(0, item: "states", expected: "at least one token's", found: "none")
      }
      return
    }
    memory.pending = values.withUnsafeBufferPointer { values in
      values.baseAddress.map { base in
        Self.mean(
          of: Rows(reading: base, count: values.count / layer.inputs, width: layer.inputs))
      }
    }
  }

  /// The memory has their mean: they need not go through the pass.
  func statesOfStep(_ memory: any ConditioningMemory, position: Int) -> [[Float]] { [[]] }

  func firstPosition(_ position: Int) -> Int { position }

  func forgetStep(_ memory: any ConditioningMemory) { (memory as? MeanMemory)?.pending = nil }

  func commit(_ memory: any ConditioningMemory) {
    guard let memory = memory as? MeanMemory else { return }
    memory.mean = memory.pending ?? memory.mean
    memory.pending = nil
  }

  private static func mean(of states: Rows) -> [Float] {
    (0..<states.width).map { channel in
      (0..<states.count).reduce(0) { $0 + states.row($1)[channel] } / Float(states.count)
    }
  }
}
