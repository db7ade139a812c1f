import Architectures
import Identity
import Layers
import ModelFiles
import Numerics

/// How the source's states reach a generator: what it needs of the source and when, which losses it allows,
/// what its `config.json` says of it, and its network.
///
/// A conditioning is one file, and one line in a registry.
public protocol Conditioning: Sendable {
  /// Its name in flags and in `config.json`.
  static var name: String { get }

  /// As flags describe it.
  init(design: ConditioningDesign) throws(GeneratorError)

  /// From the members of a checkpoint's `config.json`.
  init(checkpoint reader: ConfigurationReader) throws(ModelFileError)

  /// The members that `init(checkpoint:)` reads, beside the backbone's.
  var checkpointMembers: [(key: String, value: any Encodable & Sendable)] { get }

  var needs: SourceNeeds { get }

  /// How many gates it has, whose means a pass gives.
  var gateCount: Int { get }

  /// Whether states take the place of the generator's own token embeddings.
  var replacesEmbeddings: Bool { get }

  /// What the generator embeds first where nothing of a prompt is embedded; nil where that can't be.
  var startToken: Int32? { get set }

  /// Throws unless a generator of this backbone that reads these streams can be built.
  func validate(
    _ backbone: any GeneratorArchitecture, streams: [StreamShape]
  ) throws(GeneratorError)

  /// The prompt's tokens that go through the generator before the response.
  func embeddedPrompt(_ prompt: [Int32]) throws(GeneratorError) -> [Int32]

  /// Throws, with the reason, for a loss that would teach the generator nothing true.
  func check(_ loss: LossScope) throws(GeneratorError)

  /// Throws for an arm that has no meaning here.
  func check(_ arm: StatesArm) throws(GeneratorError)

  /// Throws for a way of reading that it has not.
  func check(_ reader: StatesReader) throws(GeneratorError)

  /// Lays out its parameters. Called before the backbone lays out its own.
  func makeNetwork(
    _ layout: inout ParameterLayout, _ backbone: any GeneratorArchitecture, streams: [StreamShape],
    isPretrained: Bool
  ) -> any ConditioningNetwork

  /// What the file's own metadata says of sizes that no tensor shows, for readers of the weights alone.
  func weightsMetadata(_ backbone: any GeneratorArchitecture) -> [String: String]
}

/// What a conditioning needs of the source, and when.
public struct SourceNeeds: Equatable, Sendable {
  /// Which tokens of a document must have states.
  public var coverage: Coverage
  /// Whether the source runs a step for every token that is generated: so it must see no later one, and
  /// its tokenizer is the generator's.
  public var steps: Bool
  /// Whether it reads states at all.
  public var readsStates: Bool

  public init(coverage: Coverage, steps: Bool, readsStates: Bool) {
    self.coverage = coverage
    self.steps = steps
    self.readsStates = readsStates
  }
}

/// How `prompt` conditioning reads the prompt's states.
public enum StatesReader: String, Codable, Sendable, CaseIterable {
  /// Every position by cross-attention, in every layer.
  case attention
  /// All of them at once, where the answer begins.
  case pooled
  case both
}

/// A conditioning as flags describe it. Fields that one has no use for it leaves alone.
public struct ConditioningDesign: Codable, Equatable, Sendable {
  public var name: String
  public var arm: StatesArm
  public var layers: Int
  public var width: Int
  public var sourceWidth: Int
  public var adapter: Int
  public var bridgeHeads: Int
  public var bridgeLayers: Int
  public var middleWidth: Int?
  public var mask: BridgeMask
  public var reader: StatesReader
  public var generatorPrompt: GeneratorPrompt
  public var startToken: Int32?

  public init(
    name: String, arm: StatesArm = .own, layers: Int, width: Int, sourceWidth: Int,
    adapter: Int = 64, bridgeHeads: Int = 8, bridgeLayers: Int = 2, middleWidth: Int? = nil,
    mask: BridgeMask = .causal, reader: StatesReader = .attention,
    generatorPrompt: GeneratorPrompt = .all, startToken: Int32? = nil
  ) {
    self.name = name
    self.arm = arm
    self.layers = layers
    self.width = width
    self.sourceWidth = sourceWidth
    self.adapter = adapter
    self.bridgeHeads = bridgeHeads
    self.bridgeLayers = bridgeLayers
    self.middleWidth = middleWidth
    self.mask = mask
    self.reader = reader
    self.generatorPrompt = generatorPrompt
    self.startToken = startToken
  }
}

/// What a session remembers of the states that it was given. Only the conditioning knows what is in it.
public protocol ConditioningMemory: AnyObject {
  /// What another session of the same tokens remembers, which goes on by itself.
  func copy() -> any ConditioningMemory
}

/// What a conditioning's forward pass leaves for its backward pass; only the conditioning knows what is in it.
public protocol ConditioningTrace {}

/// The network that a conditioning puts around a backbone, both ways.
public protocol ConditioningNetwork: Sendable {
  /// What of a document goes through the generator. `place` names the document in errors.
  ///
  /// - Parameter embedsLast: whether the last response token is embedded too, which no loss needs.
  func rows(
    of document: GeneratorDocument, loss: LossScope, embedsLast: Bool, place: Int
  ) throws(GeneratorError) -> DocumentRows

  /// Tokens of a document that the loss is over, whether its states are there or not.
  func lossTokenCount(
    of document: GeneratorDocument, loss: LossScope
  ) throws(GeneratorError) -> Int

  /// Memory for what happens before the first layer, and before each layer; nil where nothing does.
  func entryTrace(_ batch: GeneratorBatch, _ arena: Arena) -> any ConditioningTrace
  func layerTrace(_ batch: GeneratorBatch, _ arena: Arena) -> (any ConditioningTrace)?

  /// Writes the stream's first values, [R, C].
  func enter(
    _ out: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass)

  /// `dStream` holds the gradient of those values; it is overwritten.
  func enterBackward(
    dStream: Rows, _ batch: GeneratorBatch, _ backbone: BackboneAccess,
    _ trace: any ConditioningTrace, _ pass: Pass)

  /// out [R, C] = the stream that layer `layer` gets, from x [R, C].
  func read(
    _ out: Rows, _ x: Rows, layer: Int, _ batch: GeneratorBatch, _ trace: any ConditioningTrace,
    _ pass: Pass)

  /// `dStream` holds the output's gradient and becomes x's.
  func readBackward(
    dStream: Rows, x: Rows, layer: Int, _ batch: GeneratorBatch,
    _ trace: any ConditioningTrace, _ pass: Pass)

  /// Takes the scratch memory that a batch's `readBackward` and `enterBackward` take, each given back before
  /// the next: what a plan names is counted so.
  func countBackward(_ batch: GeneratorBatch, _ arena: Arena)

  /// The mean gates, over some rows and all channels, of what happened before the first layer.
  func entryGates(_ trace: any ConditioningTrace, rows: Range<Int>) -> [Float]

  /// The mean gates, over some rows and all channels, of what happened before a layer.
  func layerGates(_ layer: Int, _ trace: any ConditioningTrace, rows: Range<Int>) -> [Float]

  /// What the values of each stream are multiplied by, [bridge layer][stream]; none where there is one stream.
  func streamScales(_ weights: Weights) -> [[Float]]

  /// What rows of a part of the batch, which are tokens of its own, read before the first layer:
  /// [bridge layer][stream].
  func entryAttention(
    _ trace: any ConditioningTrace, _ batch: GeneratorBatch, part: Int, rows: Range<Int>
  ) -> [[AttentionWeights]]

  /// The same of what happened before a layer.
  func layerAttention(
    _ layer: Int, _ trace: any ConditioningTrace, _ batch: GeneratorBatch, part: Int,
    rows: Range<Int>
  ) -> [[AttentionWeights]]

  /// A session's memory with room for `capacity` tokens.
  func makeMemory(capacity: Int) -> any ConditioningMemory

  /// Takes the states that come with a step, [count, width] of each stream, before the step is run. Throws
  /// unless they are those that `tokens` tokens need.
  func remember(
    _ states: [[Float]], tokens: Int, streams: [StreamShape], _ memory: any ConditioningMemory
  ) throws(GeneratorError)

  /// The states that go through the pass of a step which begins at `position`.
  func statesOfStep(
    _ memory: any ConditioningMemory, position: Int
  ) -> [[Float]]

  /// The first position that a step has to compute, where `position` tokens were run before: less where a
  /// later state changes earlier positions.
  func firstPosition(_ position: Int) -> Int

  /// Drops the states of a step that was not run after all.
  func forgetStep(_ memory: any ConditioningMemory)

  /// Takes note that a step was run, so that its states are among those remembered.
  func commit(_ memory: any ConditioningMemory)
}

/// What a conditioning may ask of the backbone.
public struct BackboneAccess {
  let backbone: Backbone

  public var width: Int { backbone.width }

  /// x [R, C] = the embeddings of the batch's tokens.
  public func embedTokens(_ x: Rows, _ batch: GeneratorBatch, _ pass: Pass) {
    backbone.embedTokens(x, batch.tokens, pass)
  }

  public func embedTokensBackward(_ dx: Rows, _ batch: GeneratorBatch, _ pass: Pass) {
    backbone.embedTokensBackward(dx, batch.tokens, pass)
  }

  /// x += the rows of the position table, where there is one.
  public func addPositions(_ x: Rows, _ batch: GeneratorBatch, _ pass: Pass) {
    backbone.addPositions(x, batch.sequences, pass)
  }

  public func addPositionsBackward(_ dx: Rows, _ batch: GeneratorBatch, _ pass: Pass) {
    backbone.addPositionsBackward(dx, batch.sequences, pass)
  }
}

extension Conditioning {
  public var name: String { Self.name }

  public func check(_ reader: StatesReader) throws(GeneratorError) {
    guard reader == .attention else {
      throw .unsupported(
        item: "reader: \(reader.rawValue) with \(name) conditioning",
        advice: "attention, as \(name) conditioning reads a state a position")
    }
  }
}

extension ConditioningNetwork {
  public func streamScales(_ weights: Weights) -> [[Float]] { [] }
}

/// The conditionings that a program knows. A value that is handed in; `builtIn` is one of them.
public struct ConditioningRegistry: Sendable {
  public let conditionings: [any Conditioning.Type]

  public init(_ conditionings: [any Conditioning.Type]) { self.conditionings = conditionings }

  public static let builtIn = ConditioningRegistry([
    PromptConditioning.self, AlignedConditioning.self,
  ])

  public func adding(_ more: any Conditioning.Type...) -> ConditioningRegistry {
    ConditioningRegistry(conditionings + more)
  }

  public subscript(name: String) -> (any Conditioning.Type)? {
    conditionings.first { $0.name == name }
  }
}
