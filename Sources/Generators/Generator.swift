import Architectures
import Layers
import ModelFiles
import Numerics

/// A generator: a backbone that reads a source's states as its conditioning says. It is trained over
/// batches, and decodes through `GeneratorDecoder`. For one thread.
///
/// A batch's documents lie one after another without padding, and no document's result depends on the
/// others. Nothing depends on the number of threads.
public final class Generator {
  public let configuration: GeneratorConfiguration
  public let parameters: ParameterSet
  /// What training changes; the rest is frozen.
  public let training: TrainedParts
  let network: GeneratorNetwork
  private let arena = Arena()

  /// From scratch.
  public convenience init(
    _ configuration: GeneratorConfiguration, training: TrainedParts = .all, seed: UInt64,
    seeding: TensorSeeding = .name
  ) throws(GeneratorError) {
    self.init(uninitialized: configuration, training: training)
    parameters.initialize(seed: seed, seeding)
  }

  /// Around the weights of a Hugging Face folder or a GGUF file of the backbone's family. What the
  /// conditioning reads begins as exactly zero, so the first logits are the plain model's.
  public convenience init(
    pretrained folder: ModelFolder, _ configuration: GeneratorConfiguration,
    training: TrainedParts = .all, seed: UInt64, seeding: TensorSeeding = .name
  ) throws(GeneratorError) {
    self.init(uninitialized: configuration, training: training, isPretrained: true)
    parameters.initialize(seed: seed, seeding)
    let catalogue = try readingFiles { () throws(ModelFileError) in try folder.catalogue() }
    let places = TensorPlaces(catalogue, configuration.backbone)
    try parameters.read(
      from: catalogue,
      part: { (tensor: ParameterTensor) -> TensorPart? in
        guard tensor.group == .generator, !LinearLayer.isAddition(tensor.name) else { return nil }
        return places[
          configuration.backbone.fileName(
            tensor.name, replacesEmbeddings: configuration.conditioning.replacesEmbeddings)]
      })
  }

  /// From a file of its trained tensors, and one of those that are frozen where there are any: every name and
  /// shape is checked before memory is taken for it.
  package convenience init(
    _ configuration: GeneratorConfiguration, training: TrainedParts = .all,
    reading catalogue: TensorCatalogue, base: TensorCatalogue? = nil
  ) throws(GeneratorError) {
    let tensors = configuration.tensors(training: training)
    for tensor in tensors {
      guard let file = tensor.isTrained ? catalogue : base else {
        throw .checkpoint(
          path: catalogue.path, item: "tensor \(tensor.name)",
          expected: "the run's frozen parameters beside it", found: "none")
      }
      try ParameterSet.check(tensor.name, shape: tensor.shape, in: file)
    }
    let names = Set(tensors.filter(\.isTrained).map(\.name))
    if let extra = catalogue.names.first(where: { !names.contains($0) }) {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(extra)", expected: "the tensors of config.json alone",
        found: "one more")
    }
    self.init(uninitialized: configuration, training: training)
    try parameters.read(from: catalogue) { $0.isTrained ? $0.name : nil }
    if let base { try parameters.read(from: base) { $0.isTrained ? nil : $0.name } }
  }

  /// With parameters that are yet to be read.
  init(
    uninitialized configuration: GeneratorConfiguration, training: TrainedParts = .all,
    isPretrained: Bool = false
  ) {
    self.configuration = configuration
    self.training = training
    network = GeneratorNetwork(configuration, training: training, isPretrained: isPretrained)
    parameters = ParameterSet(network.layout)
  }

  /// Tokens of a document that the loss is over.
  public func lossTokenCount(
    of document: GeneratorDocument, loss: LossScope
  ) throws(GeneratorError) -> Int {
    try configuration.conditioning.check(loss)
    return try network.conditioning.lossTokenCount(of: document, loss: loss)
  }

  /// The summed loss alone, in less memory.
  public func evaluate(
    _ documents: [GeneratorDocument], loss: LossScope = .response
  ) throws(GeneratorError) -> BatchResult {
    arena.reset()
    let batch = try batch(documents, loss, embedsLast: false)
    let pass = Pass(parameters.weights, arena)
    let run = network.forward(batch, keepsTraces: false, pass)
    let sum = network.backbone.head.loss(
      run.output, rows: batch.lossRows, targets: batch.targets, dStream: nil, scale: 1, pass)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  /// The logits [rows, vocabulary] of one document: of every row that its conditioning embeds.
  public func logits(_ document: GeneratorDocument) throws(GeneratorError) -> [Float] {
    arena.reset()
    let batch = try batch([document], .response, embedsLast: true)
    let pass = Pass(parameters.weights, arena)
    let stream = network.forward(batch, keepsTraces: false, pass).output
    let logits = arena.rows(stream.count, network.backbone.head.vocabulary)
    network.backbone.head.logits(logits, stream, pass)
    return Array(UnsafeBufferPointer(start: logits.base, count: logits.elementCount))
  }

  /// Adds to `parameters.gradients` those of the summed loss times `lossScale`: one over the tokens
  /// of a step gives the gradients of its mean loss, over as many batches as the step has.
  public func forwardBackward(
    _ documents: [GeneratorDocument], loss: LossScope = .response, lossScale: Float,
    dropout: DropoutPlan? = nil
  ) throws(GeneratorError) -> BatchResult {
    arena.reset()
    let batch = try batch(documents, loss, embedsLast: false)
    let pass = Pass(
      parameters.weights, arena, gradients: Gradients(parameters), dropout: dropout)
    let run = network.forward(batch, keepsTraces: true, pass)
    let dStream = arena.rows(batch.sequences.count, network.backbone.width)
    let sum = network.backbone.head.loss(
      run.output, rows: batch.lossRows, targets: batch.targets, dStream: dStream,
      scale: lossScale, pass)
    network.backward(dStream, batch, run, pass)
    return BatchResult(lossSum: sum, tokenCount: batch.targets.count, meanGates: run.meanGates)
  }

  /// How much each stream is used, [bridge layer][stream]: learned, from 1 on; none where there is one stream.
  public var streamScales: [[Float]] { network.conditioning.streamScales(parameters.weights) }

  /// Makes room for the activations of all passes to come, so that they take no more than that.
  public func reserve(activationBytes bytes: Int) {
    arena.reserve(bytes / MemoryLayout<Float>.stride)
  }

  /// The most bytes that activations of passes so far took at once.
  public var activationBytes: Int { arena.peak * MemoryLayout<Float>.stride }

  private func batch(
    _ documents: [GeneratorDocument], _ loss: LossScope, embedsLast: Bool
  ) throws(GeneratorError) -> GeneratorBatch {
    if !embedsLast { try configuration.conditioning.check(loss) }
    let (network, vocabulary) = (network, configuration.vocabularySize)
    return try GeneratorBatch(
      documents, configuration,
      rows: { (document, place) throws(GeneratorError) in
        try GeneratorDocument.check(
          document.prompt + document.response, vocabulary: vocabulary, document: place)
        return try network.conditioning.rows(
          of: document, loss: loss, embedsLast: embedsLast, place: place)
      }, arena)
  }
}
