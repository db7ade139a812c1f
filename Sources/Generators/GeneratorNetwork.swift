import Layers
import Numerics

/// A conditioning's network around a backbone: where parameters lie, and the passes over a batch.
struct GeneratorNetwork: Sendable {
  let layout: ParameterLayout
  let conditioning: any ConditioningNetwork
  let backbone: Backbone

  init(_ configuration: GeneratorConfiguration, training: TrainedParts, isPretrained: Bool) {
    var layout = ParameterLayout(training: training)
    conditioning = configuration.conditioning.makeNetwork(
      &layout, configuration.backbone, streams: configuration.streams, isPretrained: isPretrained)
    backbone = Backbone(
      &layout, configuration.backbone,
      replacesEmbeddings: configuration.conditioning.replacesEmbeddings)
    self.layout = layout
  }

  /// What a forward pass over documents leaves for the backward pass.
  struct Run {
    let embedded: Rows
    let entry: any ConditioningTrace
    var layers: [LayerRun] = []
    var meanGates: [Float] = []

    /// The last layer's output.
    var output: Rows { layers.last?.output ?? embedded }
  }

  /// A layer's part of it.
  struct LayerRun {
    let reading: (any ConditioningTrace)?
    /// The stream that the block gets: what was read is in it.
    let mixed: Rows?
    let block: any BlockTrace
    let output: Rows
  }

  /// - Parameter keepsTraces: whether every layer has memory of its own, which the backward pass needs.
  func forward(_ batch: GeneratorBatch, keepsTraces: Bool, _ pass: Pass) -> Run {
    let (arena, rows) = (pass.arena, batch.sequences.count)
    let embedded = arena.rows(rows, backbone.width)
    var run = Run(embedded: embedded, entry: conditioning.entryTrace(batch, arena))
    conditioning.enter(embedded, batch, BackboneAccess(backbone: backbone), run.entry, pass)
    run.meanGates = conditioning.entryGates(run.entry, rows: 0..<rows)
    for index in backbone.blocks.indices {
      let layer = keepsTraces || index == 0 ? layerRun(batch, arena) : run.layers[0]
      step(index, input: run.output, layer, batch, pass)
      if let reading = layer.reading {
        run.meanGates += conditioning.layerGates(index, reading, rows: 0..<rows)
      }
      run.layers.append(layer)
    }
    return run
  }

  /// Memory for one layer of a pass over documents.
  func layerRun(_ batch: GeneratorBatch, _ arena: Arena) -> LayerRun {
    let rows = batch.sequences.count
    let reading = conditioning.layerTrace(batch, arena)
    return LayerRun(
      reading: reading, mixed: reading == nil ? nil : arena.rows(rows, backbone.width),
      block: backbone.blocks[0].trace(rows: rows, arena), output: arena.rows(rows, backbone.width))
  }

  /// One layer, from `input` to `layer.output`, which may be the same.
  func step(_ index: Int, input: Rows, _ layer: LayerRun, _ batch: GeneratorBatch, _ pass: Pass) {
    var stream = input
    if let reading = layer.reading, let mixed = layer.mixed {
      conditioning.read(mixed, input, layer: index, batch, reading, pass)
      stream = mixed
    }
    backbone.blocks[index].forward(
      layer.output, stream, batch.sequences, layer: index, layer.block, pass)
  }

  /// `dStream` holds the gradient of the last layer's output.
  func backward(_ dStream: Rows, _ batch: GeneratorBatch, _ run: Run, _ pass: Pass) {
    for index in backbone.blocks.indices.reversed() {
      let layer = run.layers[index]
      let input = index == 0 ? run.embedded : run.layers[index - 1].output
      backbone.blocks[index].backward(
        dStream: dStream, x: layer.mixed ?? input, batch.sequences, layer.block, pass)
      if let reading = layer.reading {
        conditioning.readBackward(dStream: dStream, x: input, layer: index, batch, reading, pass)
      }
    }
    conditioning.enterBackward(
      dStream: dStream, batch, BackboneAccess(backbone: backbone), run.entry, pass)
  }

  /// Takes the memory that a pass over documents takes, and gives nothing back. What the backward pass takes is
  /// counted even where none follows: the forward pass takes less beside the traces.
  func countPass(_ batch: GeneratorBatch, keepsTraces: Bool, dropout: Bool, _ arena: Arena) {
    let rows = batch.sequences.count
    _ = arena.rows(rows, backbone.width)
    _ = conditioning.entryTrace(batch, arena)
    for _ in 0..<(keepsTraces ? backbone.blocks.count : 1) { _ = layerRun(batch, arena) }
    // The stream's gradient.
    _ = arena.rows(rows, backbone.width)
    backbone.head.countLoss(rows: batch.lossRows.count, width: backbone.width, arena)
    backbone.blocks[0].countBackward(rows: rows, dropout: dropout, arena)
    conditioning.countBackward(batch, arena)
  }
}
