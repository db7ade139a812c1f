import Numerics

/// A generation module in `prompt` conditioning: trains, and gives logits of whole documents.
public final class PromptGenerator: GenerationModel {
  public let configuration: GeneratorConfiguration
  public let parameters: ParameterSet
  let network: PromptNetwork
  private let arena = Arena()

  /// From scratch: GPT-Neo's weights normal with deviation 0.02, the bridge's as PyTorch has them,
  /// gates mostly shut.
  public convenience init(
    _ configuration: GeneratorConfiguration, seed: UInt64
  ) throws(GenerationModuleError) {
    try self.init(configuration, start: .nearlyShut, seed: seed)
  }

  init(
    _ configuration: GeneratorConfiguration, start: EnhancedCrossAttention.Start, seed: UInt64?
  ) throws(GenerationModuleError) {
    guard configuration.conditioning == .prompt else {
      throw .configuration(
        item: "conditioning", expected: "prompt", found: configuration.conditioning.rawValue)
    }
    try configuration.validate()
    self.configuration = configuration
    network = PromptNetwork(configuration, start: start)
    parameters = ParameterSet(network.layout)
    if let seed { parameters.initialize(seed: seed) }
  }

  public func lossTokenCount(
    of document: GenerationDocument, loss: LossScope
  ) throws(GenerationModuleError) -> Int {
    try refuse(loss)
    return document.response.count
  }

  public func evaluate(
    _ documents: [GenerationDocument], loss: LossScope = .response
  ) throws(GenerationModuleError) -> BatchResult {
    try refuse(loss)
    arena.reset()
    let batch = try PromptBatch(documents, configuration, embedsLast: false, arena)
    let pass = pass()
    let rows = batch.tokens.count
    let run = forward(batch, keepsTraces: false, pass)
    let sum = network.head.loss(
      run.stream, rowCount: rows, rows: batch.lossRows, targets: batch.targets, dStream: nil,
      scale: 1, pass)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  public func logits(_ document: GenerationDocument) throws(GenerationModuleError) -> [Float] {
    arena.reset()
    let batch = try PromptBatch([document], configuration, embedsLast: true, arena)
    let pass = pass()
    let rows = batch.tokens.count
    let stream = forward(batch, keepsTraces: false, pass).stream
    return [Float](unsafeUninitializedCapacity: rows * network.head.vocabulary) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      network.head.logits(base, stream, first: 0, count: rows, pass)
      count = rows * network.head.vocabulary
    }
  }

  public func forwardBackward(
    _ documents: [GenerationDocument], loss: LossScope = .response, lossScale: Float,
    dropout: DropoutPlan? = nil
  ) throws(GenerationModuleError) -> BatchResult {
    try refuse(loss)
    arena.reset()
    let batch = try PromptBatch(documents, configuration, embedsLast: false, arena)
    let gradients = parameters.gradients
    var pass = pass()
    pass.gradients = gradients
    pass.dropout = dropout
    let rows = batch.tokens.count
    let run = forward(batch, keepsTraces: true, pass)
    let dStream = arena.take(rows * network.width)
    let sum = network.head.loss(
      run.stream, rowCount: rows, rows: batch.lossRows, targets: batch.targets, dStream: dStream,
      scale: lossScale, pass)
    backward(dStream, batch, run, pass, gradients)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  private struct Run {
    var stream: UnsafeMutablePointer<Float>
    let embedded: UnsafeMutablePointer<Float>
    var traces: [PromptNetwork.LayerTrace] = []
    var meanGates: [Float] = []
  }

  private func forward(_ batch: PromptBatch, keepsTraces: Bool, _ pass: Pass) -> Run {
    let rows = batch.tokens.count
    let embedded = arena.take(rows * network.width)
    network.embed(embedded, tokens: batch.tokens, positions: batch.positions, pass)
    var run = Run(stream: embedded, embedded: embedded)
    for index in network.blocks.indices {
      let trace =
        keepsTraces || index == 0
        ? network.trace(index, rows: rows, states: batch.stateCount, arena) : run.traces[0]
      if let read = trace.bridge {
        network.bridge[index].remember(batch.states, count: batch.stateCount, read.memory, pass)
      }
      network.forward(
        index, run.stream, rows: rows, reading: batch.reading, segments: batch.segments, trace,
        pass)
      if let read = trace.bridge {
        run.meanGates.append(network.bridge[index].meanGate(rows: rows, read.trace))
      }
      run.stream = trace.output
      run.traces.append(trace)
    }
    return run
  }

  /// `dStream` holds the gradient of the last layer's output.
  private func backward(
    _ dStream: UnsafeMutablePointer<Float>, _ batch: PromptBatch, _ run: Run, _ pass: Pass,
    _ gradients: UnsafeMutablePointer<Float>
  ) {
    let rows = batch.tokens.count
    for index in network.blocks.indices.reversed() {
      let trace = run.traces[index]
      let input = index == 0 ? run.embedded : run.traces[index - 1].output
      network.blocks[index].backward(
        dStream: dStream, x: trace.bridge == nil ? input : trace.mixed, rows: rows,
        segments: batch.segments, trace.block, pass, gradients)
      if let read = trace.bridge {
        network.bridge[index].backward(
          dStream: dStream, dStates: nil, x: input, rows: rows, states: batch.states,
          stateCount: batch.stateCount, read.memory, segments: batch.reading, read.trace, pass,
          gradients)
      }
    }
    pass.dropout(\.embedding, site: DropoutSites.embedding)?
      .apply(dStream, rows: rows, width: network.width)
    embeddingBackward(
      dTable: gradients + network.tokenTable, indices: batch.tokens, dx: dStream,
      width: network.width)
    embeddingBackward(
      dTable: gradients + network.positionTable, indices: batch.positions, dx: dStream,
      width: network.width)
  }

  private func pass() -> Pass {
    Pass(weights: Weights(values: parameters.values, packed: nil), arena: arena)
  }

  private func refuse(_ loss: LossScope) throws(GenerationModuleError) {
    guard loss == .response else {
      throw .unsupported(
        item: "loss: all with prompt conditioning",
        advice: "every position sees all of the prompt's states, so train on the response alone")
    }
  }
}
