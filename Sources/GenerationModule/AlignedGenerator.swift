import Numerics

/// A generation module in `aligned` conditioning: trains, and gives logits of whole documents.
public final class AlignedGenerator: GenerationModel {
  public let configuration: GeneratorConfiguration
  public let parameters: ParameterSet
  let network: AlignedNetwork
  private let arena = Arena()

  /// From scratch, as the published code has it: GPT-Neo's weights normal with deviation 0.02, its
  /// position embedding zero, bridge and head as PyTorch has them.
  public convenience init(
    _ configuration: GeneratorConfiguration, seed: UInt64
  ) throws(GenerationModuleError) {
    try self.init(configuration, initialSeed: seed)
  }

  init(
    _ configuration: GeneratorConfiguration, initialSeed: UInt64?
  ) throws(GenerationModuleError) {
    guard configuration.conditioning == .aligned else {
      throw .configuration(
        item: "conditioning", expected: "aligned", found: configuration.conditioning.rawValue)
    }
    try configuration.validate()
    self.configuration = configuration
    network = AlignedNetwork(configuration)
    parameters = ParameterSet(network.layout)
    if let initialSeed { parameters.initialize(seed: initialSeed) }
  }

  public func lossTokenCount(
    of document: GenerationDocument, loss: LossScope
  ) throws(GenerationModuleError) -> Int {
    document.prompt.count + document.response.count - AlignedBatch.firstTarget(document, loss)
  }

  public func evaluate(
    _ documents: [GenerationDocument], loss: LossScope
  ) throws(GenerationModuleError) -> BatchResult {
    arena.reset()
    let batch = try AlignedBatch(documents, loss: loss, configuration, arena)
    let pass = pass()
    let run = forward(batch, keepsTraces: false, pass)
    let sum = network.head.loss(
      run.stream, rowCount: batch.positions.count, rows: batch.lossRows, targets: batch.targets,
      dStream: nil, scale: 1, pass)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  public func logits(_ document: GenerationDocument) throws(GenerationModuleError) -> [Float] {
    arena.reset()
    let batch = try AlignedBatch([document], loss: .all, configuration, arena)
    let pass = pass()
    let rows = batch.positions.count
    let stream = forward(batch, keepsTraces: false, pass).stream
    return [Float](unsafeUninitializedCapacity: rows * network.head.vocabulary) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      network.head.logits(base, stream, first: 0, count: rows, pass)
      count = rows * network.head.vocabulary
    }
  }

  public func forwardBackward(
    _ documents: [GenerationDocument], loss: LossScope, lossScale: Float,
    dropout: DropoutPlan? = nil
  ) throws(GenerationModuleError) -> BatchResult {
    arena.reset()
    let batch = try AlignedBatch(documents, loss: loss, configuration, arena)
    let gradients = parameters.gradients
    var pass = pass()
    pass.gradients = gradients
    pass.dropout = dropout
    let rows = batch.positions.count
    let run = forward(batch, keepsTraces: true, pass)
    let dStream = arena.take(rows * network.width)
    let sum = network.head.loss(
      run.stream, rowCount: rows, rows: batch.lossRows, targets: batch.targets, dStream: dStream,
      scale: lossScale, pass)
    backward(dStream, batch, run, pass, gradients)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  private struct Run {
    let bridge: AlignedBridge.Trace
    let embedded: UnsafeMutablePointer<Float>
    var stream: UnsafeMutablePointer<Float>
    var blocks: [(trace: GPTNeoBlock.Trace, output: UnsafeMutablePointer<Float>)] = []
    var meanGates: [Float] = []
  }

  private func forward(_ batch: AlignedBatch, keepsTraces: Bool, _ pass: Pass) -> Run {
    let rows = batch.positions.count
    let embedded = arena.take(rows * network.width)
    var run = Run(
      bridge: network.bridge.trace(rows: rows, arena), embedded: embedded, stream: embedded)
    network.embed(
      embedded, states: batch.states, positions: batch.positions, segments: batch.segments,
      run.bridge, pass)
    run.meanGates = zip(network.bridge.layers, run.bridge.layers).map {
      $0.meanGate(rows: rows, $1.trace)
    }
    for (index, block) in network.blocks.enumerated() {
      let part =
        keepsTraces || index == 0
        ? (block.trace(rows: rows, arena), arena.take(rows * network.width)) : run.blocks[0]
      block.forward(part.1, run.stream, rows: rows, segments: batch.segments, part.0, pass)
      run.stream = part.1
      run.blocks.append(part)
    }
    return run
  }

  /// `dStream` holds the gradient of the last layer's output.
  private func backward(
    _ dStream: UnsafeMutablePointer<Float>, _ batch: AlignedBatch, _ run: Run, _ pass: Pass,
    _ gradients: UnsafeMutablePointer<Float>
  ) {
    let rows = batch.positions.count
    for index in network.blocks.indices.reversed() {
      network.blocks[index].backward(
        dStream: dStream, x: index == 0 ? run.embedded : run.blocks[index - 1].output, rows: rows,
        segments: batch.segments, run.blocks[index].trace, pass, gradients)
    }
    pass.dropout(\.embedding, site: DropoutSites.embedding)?
      .apply(dStream, rows: rows, width: network.width)
    embeddingBackward(
      dTable: gradients + network.positionTable, indices: batch.positions, dx: dStream,
      width: network.width)
    network.bridge.backward(
      dStream: dStream, states: batch.states, rows: rows, segments: batch.segments, run.bridge,
      pass, gradients)
  }

  private func pass() -> Pass {
    Pass(weights: Weights(values: parameters.values, packed: nil), arena: arena)
  }
}
