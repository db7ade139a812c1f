import Architectures
import Identity
import Layers
import ModelFiles
import Numerics

/// `aligned` conditioning, the paper's: a bridge turns the states of all positions into the generator's
/// input, one vector a token, in place of token embeddings; the head is one of its own. Names are the
/// published checkpoint's; its unused `wte` is no parameter here.
public struct AlignedConditioning: Conditioning {
  public static let name = "aligned"
  var settings: BridgeSettings

  public init(design: ConditioningDesign) throws(GeneratorError) {
    let (sum, overflow) = design.sourceWidth.addingReportingOverflow(design.width)
    settings = BridgeSettings(
      headCount: design.bridgeHeads, layerCount: design.bridgeLayers,
      adapterWidth: design.adapter, middleWidth: design.middleWidth ?? (overflow ? 0 : sum / 2),
      mask: design.mask, generatorPrompt: .all, startToken: nil)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    settings = try BridgeSettings(checkpoint: reader)
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    settings.members
  }

  public var needs: SourceNeeds {
    SourceNeeds(coverage: .document, steps: true, readsStates: true)
  }

  public var gateCount: Int { settings.layerCount }

  public var replacesEmbeddings: Bool { true }

  /// Nothing is embedded but states.
  public var startToken: Int32? {
    get { nil }
    set {}
  }

  public func validate(
    _ backbone: any GeneratorArchitecture, streams: [StreamShape]
  ) throws(GeneratorError) {
    try settings.validate(backbone, streams: streams)
    try settings.requireSize("middle_width", settings.middleWidth)
    try BridgeSettings.require(
      (1...BridgeSettings.mostLayers).contains(settings.layerCount), "bridge_layers",
      "1 to \(BridgeSettings.mostLayers)", "\(settings.layerCount)")
    guard streams.count == 1 else {
      throw .unsupported(
        item: "\(streams.count) streams with aligned conditioning",
        advice: "name one, whose states are the tokens' own")
    }
  }

  public func embeddedPrompt(_ prompt: [Int32]) throws(GeneratorError) -> [Int32] { prompt }

  public func check(_ loss: LossScope) throws(GeneratorError) {}

  public func check(_ arm: StatesArm) throws(GeneratorError) {
    guard arm == .own else {
      throw .unsupported(
        item: "states: \(arm.rawValue) with aligned conditioning",
        advice:
          "a document's states are its tokens' own, and an aligned generator has no other input")
    }
  }

  public func weightsMetadata(_ backbone: any GeneratorArchitecture) -> [String: String] {
    ["bridge_heads": "\(settings.headCount)", "mask": settings.mask.rawValue]
  }

  public func makeNetwork(
    _ layout: inout ParameterLayout, _ backbone: any GeneratorArchitecture,
    streams: [StreamShape], isPretrained: Bool
  ) -> any ConditioningNetwork {
    AlignedNetwork(
      bridge: AlignedBridge(&layout, BridgeShape(settings, backbone, streams), settings),
      mask: settings.mask, streams: streams)
  }
}

private struct AlignedNetwork: ConditioningNetwork {
  private struct EntryTrace: ConditioningTrace {
    let bridge: AlignedBridge.Trace
  }

  let bridge: AlignedBridge
  let mask: BridgeMask
  let streams: [StreamShape]

  // MARK: Documents

  func rows(
    of document: GeneratorDocument, loss: LossScope, embedsLast: Bool, place: Int
  ) throws(GeneratorError) -> DocumentRows {
    let ids = document.prompt + document.response
    for count in try document.stateCounts(streams, document: place)
    where count != ids.count || count == 0 {
      throw .document(
        place, item: "states", expected: "one a token, \(ids.count), at least one",
        found: "\(count)")
    }
    let predicted = Self.firstTarget(document, loss)..<ids.count
    return DocumentRows(
      tokens: ids, lossRows: predicted.map { $0 - 1 }, targets: Array(ids[predicted]))
  }

  func lossTokenCount(
    of document: GeneratorDocument, loss: LossScope
  ) throws(GeneratorError) -> Int {
    document.prompt.count + document.response.count - Self.firstTarget(document, loss)
  }

  /// The first token that the loss is over. Nothing predicts the first of all.
  private static func firstTarget(_ document: GeneratorDocument, _ loss: LossScope) -> Int {
    let count = document.prompt.count + document.response.count
    return min(loss == .all ? 1 : max(1, document.prompt.count), count)
  }

  // MARK: Passes

  func entryTrace(_ batch: GeneratorBatch, _ arena: Arena) -> any ConditioningTrace {
    EntryTrace(bridge: bridge.trace(rows: batch.sequences.count, arena))
  }

  func layerTrace(_ batch: GeneratorBatch, _ arena: Arena) -> (any ConditioningTrace)? { nil }

  private func own(_ trace: any ConditioningTrace) -> AlignedBridge.Trace {
    guard let trace = trace as? EntryTrace else {
      preconditionFailure("a trace of another conditioning")
    }
    return trace.bridge
  }

  /// The bridge reads its own projection of the states, a row a token.
  private func reading(_ batch: GeneratorBatch, _ trace: AlignedBridge.Trace) -> BridgeReading {
    BridgeReading(
      batch.sequences,
      states: [StreamRows(states: trace.projected, parts: batch.sequences.parts.map(\.rows))],
      memories: batch.memories)
  }

  func enter(
    _ out: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass
  ) {
    let trace = own(trace)
    bridge.forward(
      out, batch.streams[0].states, reading: reading(batch, trace), trace, pass)
    backbone.addPositions(out, batch, pass)
    pass.dropout(\.embedding, site: DropoutSites.embedding)?.apply(out)
  }

  func enterBackward(
    dStream: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass
  ) {
    let trace = own(trace)
    pass.dropout(\.embedding, site: DropoutSites.embedding)?.apply(dStream)
    backbone.addPositionsBackward(dStream, batch, pass)
    bridge.backward(
      dStream: dStream, batch.streams[0].states, reading: reading(batch, trace), trace, pass)
  }

  func read(
    _ out: Rows, _ x: Rows, layer: Int, _ batch: GeneratorBatch, _ trace: any ConditioningTrace,
    _ pass: Pass
  ) {}

  func readBackward(
    dStream: Rows, x: Rows, layer: Int, _ batch: GeneratorBatch, _ trace: any ConditioningTrace,
    _ pass: Pass
  ) {}

  func countBackward(_ batch: GeneratorBatch, _ arena: Arena) {
    bridge.countBackward(rows: batch.sequences.count, arena)
  }

  func entryGates(_ trace: any ConditioningTrace, rows: Range<Int>) -> [Float] {
    bridge.meanGates(own(trace), rows: rows)
  }

  func layerGates(
    _ layer: Int, _ trace: any ConditioningTrace, rows: Range<Int>
  ) -> [Float] { [] }

  func entryAttention(
    _ trace: any ConditioningTrace, _ batch: GeneratorBatch, part: Int, rows: Range<Int>
  ) -> [[AttentionWeights]] {
    let trace = own(trace)
    return bridge.weights(reading(batch, trace), trace, part: part, rows: rows)
  }

  // MARK: Sessions

  func makeMemory(capacity: Int) -> any ConditioningMemory {
    BridgeMemory(
      heads: bridge.shape.heads, layers: bridge.layers.count, streams: 1, capacity: capacity)
  }

  func remember(
    _ states: [[Float]], tokens: Int, streams: [StreamShape], _ memory: any ConditioningMemory
  ) throws(GeneratorError) {
    guard let memory = memory as? BridgeMemory else { return }
    let document = GeneratorDocument(states: states, prompt: [], response: [])
    for count in try document.stateCounts(streams, document: 0) where count != tokens {
      throw .document(0, item: "states", expected: "one a token, \(tokens)", found: "\(count)")
    }
    memory.pending = states
  }

  /// Under the published mask a later state changes earlier positions, so every step computes all
  /// positions again from the states there are: free-running, as that code would.
  func statesOfStep(_ memory: any ConditioningMemory, position: Int) -> [[Float]] {
    guard let memory = memory as? BridgeMemory else { return [] }
    guard mask == .published else { return memory.pending }
    memory.startAgain()
    return zip(memory.earlier, memory.pending).map { $0 + $1 }
  }

  func firstPosition(_ position: Int) -> Int { mask == .published ? 0 : position }

  func forgetStep(_ memory: any ConditioningMemory) {
    (memory as? BridgeMemory)?.pending = streams.map { _ in [] }
  }

  func commit(_ memory: any ConditioningMemory) {
    guard let memory = memory as? BridgeMemory else { return }
    if mask == .published {
      memory.earlier = zip(memory.earlier, memory.pending).map { $0 + $1 }
    } else {
      memory.extend(by: zip(memory.pending, streams).map { $0.count / $1.width })
    }
    memory.pending = streams.map { _ in [] }
  }
}
