import Crypto
import FeatureCache
import Foundation
import Generators
import Layers
import ModelFiles
import Numerics
import Runs
import Tokenization

/// Stage two: trains a generation module from the cache alone. The source's weights are not opened.
///
/// A run is its options, its seed and its cache. Killed at any moment and resumed, it ends in the same
/// bits as a run that was left alone. For one thread.
public final class Trainer {
  public struct Progress: Sendable {
    public let step: Int
    public let steps: Int
    public let epoch: Int
    public let loss: Double
    public let validationLoss: Double?
    public let tokensPerSecond: Double
  }

  /// What the generator reads, in its order: streams of one file.
  private let streams: [FeatureCache]
  private let folder: RunFolder
  private let options: TrainingOptions
  private let design: GeneratorDesign
  private let format: PromptFormat?
  private let configuration: GeneratorConfiguration
  private let registries: GeneratorRegistries
  private let objective: any Objective
  private let communicator: any Communicator

  /// - Parameters:
  ///   - streams: which of the cache's streams to train from: the run is bound to them.
  ///   - run: the folder to train in.
  ///   - registries: the families and conditionings there are.
  ///   - codecs: those that the cache may have.
  ///   - objectives: the objectives there are.
  ///   - communicator: how the ranks of the run speak with each other; one process has nobody to.
  ///   - generatorTokenizer: where the generator's tokenizer is one of its own; `nil`: the source's.
  public init(
    cache path: String, streams choices: [FeatureCache.StreamChoice] = [.only], run: String,
    design: GeneratorDesign, options: TrainingOptions,
    generatorTokenizer: Tokenizer? = nil, registries: GeneratorRegistries = .builtIn,
    codecs: CodecRegistry = .builtIn,
    objectives: ObjectiveRegistry = .builtIn, communicator: any Communicator = SingleProcess()
  ) throws {
    try options.validate()
    streams = try choices.map { try FeatureCache.open(path, stream: $0, codecs: codecs) }
    if Set(streams.map(\.number)).count < streams.count {
      throw TrainingError.invalidOption(
        name: "stream", found: streams.map { "\($0.number)" }.joined(separator: ", "),
        allowed: "every stream once")
    }
    folder = RunFolder(run)
    self.options = options
    self.design = design
    self.registries = registries
    self.communicator = communicator
    guard let family = objectives[options.objective] else {
      throw TrainingError.invalidOption(
        name: "objective", found: options.objective,
        allowed: objectives.objectives.map { $0.name }.joined(separator: " or "))
    }
    objective = family.init(options)
    format = try generatorTokenizer.map { try PromptFormat($0) }
    let tokenizer = try generatorTokenizer ?? Tokenizer(serialized: streams[0].source.tokenizer)
    guard tokenizer.canWriteText, tokenizer.endOfTextID != nil else {
      throw TrainingError.noWriting(isSources: generatorTokenizer == nil)
    }
    configuration = try design.configuration(
      sourceWidths: streams.map(\.width), vocabularySize: tokenizer.vocabularySize,
      startToken: tokenizer.endOfTextID, options: options, registries)
    if configuration.needs.steps, generatorTokenizer != nil {
      throw TrainingError.invalidOption(
        name: "tokenizer", found: "one of the generator's own",
        allowed: "the source's, which runs with every token that a generator of "
          + "\(configuration.conditioning.name) conditioning writes")
    }
  }

  /// Trains to the end, or until `shouldStop`, asked after every step.
  ///
  /// - Parameter resume: go on with the run in the folder; a folder with a run is refused otherwise, and
  ///   with another run always.
  public func run(
    resume: Bool, progress: (Progress) -> Void, shouldStop: () -> Bool
  ) throws -> TrainingReport {
    if options.streamDropout > 0, streams.count == 1 {
      throw TrainingError.invalidOption(
        name: "stream-dropout", found: "\(options.streamDropout)",
        allowed: "0 where one stream is read: there is none to be left out")
    }
    let (training, validation) = try sets()
    if validation == nil, options.patience > 0 {
      throw TrainingError.noDocuments(cache: streams[0].path, split: "validation")
    }
    var manifest = try manifest(training)
    // One rank alone has to do with the folder of a new run, and writes in any.
    let isFirst = communicator.rank == 0
    var lock: RunLock?
    if isFirst, folder.exists { lock = try folder.lock() }
    defer { withExtendedLifetime(lock) {} }
    let before = isFirst || resume ? try runToGoOnWith(manifest, resume: resume) : nil
    if let before { (manifest.rules, manifest.base) = (before.rules, before.base) }
    let activationBytes = try ActivationMemory(configuration, design.train, options)
      .bytes(training: training.sizes, validation: validation?.sizes ?? [])
    try requireMemory(activationBytes)
    let (model, optimizer, state) = try start(manifest, goesOn: before != nil)
    if design.train != .all, model.parameters.trainedParameterCount == 0 {
      throw TrainingError.invalidOption(
        name: "train", found: design.train.description,
        allowed: "something to train: a generator that reads no states has no bridge")
    }
    let steps = StepOrder(count: training.examples.count, options).stepsOfEpoch * options.epochs
    guard state.step <= steps else {
      throw TrainingError.unreadable(
        path: folder.last, reason: "it is at step \(state.step) of \(steps)")
    }
    // All that can be refused was before the folder is made.
    if before == nil, isFirst {
      lock = try folder.lock()
      guard !folder.exists else { throw TrainingError.runExists(path: folder.path) }
      try folder.create(
        manifest, model,
        streams: streams.map {
          .init(tokenizer: $0.source.tokenizer, codecFit: $0.codec.parameters)
        }, generatorTokenizer: format?.tokenizer.serialized())
    }
    try communicator.broadcast(
      model.parameters.values, count: model.parameters.count, from: 0)
    model.reserve(activationBytes: activationBytes)
    var loop = TrainingLoop(
      model: model, optimizer: optimizer, training: training, validation: validation,
      folder: folder, options: options, rules: manifest.rules, objective: objective,
      communicator: communicator, state: state,
      log: isFirst
        ? try TrainingLog(
          path: folder.log, after: state.step, gates: configuration.gateCount,
          streams: configuration.needs.readsStates ? streams.count : 1) : nil
    )
    return try loop.run(progress: progress, shouldStop: shouldStop)
  }

  /// What the training will take; nothing is trained or written.
  ///
  /// - Parameter operationsPerSecond: the rate of a matrix product.
  public func plan(operationsPerSecond rate: Double) throws -> TrainingPlan {
    let (training, validation) = try sets()
    return try TrainingPlan(
      folder.path, configuration, design.train, options, training: training.sizes,
      validation: validation?.sizes ?? [], operationsPerSecond: rate)
  }

  /// Throws where this machine has not the memory that the training is known to take.
  private func requireMemory(_ activationBytes: Int) throws(TrainingError) {
    let parameters = TrainingPlan.bytes(configuration, design.train)
    let needed = parameters.weights + parameters.optimizer + activationBytes
    let there = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    guard needed <= there else { throw .tooLarge(bytes: needed, memory: there) }
  }

  /// The documents to train on and those to validate on, if there are such.
  private func sets() throws -> (training: TrainingSet, validation: TrainingSet?) {
    func set(_ split: DocumentSplit, seed: UInt64) throws -> TrainingSet {
      try TrainingSet(
        streams, split: split, configuration: configuration, tokenizer: format, arm: options.states,
        seed: seed)
    }
    let training = try set(.train, seed: options.seed)
    guard try !streams[0].documents(.validation).isEmpty else { return (training, nil) }
    return (training, try set(.validation, seed: options.seed &+ 1))
  }

  /// The model, optimizer and place to begin from: those of the latest checkpoint, or new ones.
  private func start(
    _ manifest: RunManifest, goesOn: Bool
  ) throws -> (model: Generator, optimizer: AdamW, state: TrainingState) {
    if goesOn, let checkpoint = TrainingCheckpoint.latest(in: folder) {
      return try checkpoint.restore(folder, manifest, weightDecay: options.weightDecay, registries)
    }
    let model =
      if let pretrained = design.pretrained {
        try Generator(
          pretrained: try ModelFolder.open(pretrained), configuration, training: design.train,
          seed: options.seed, seeding: manifest.rules.seeding)
      } else {
        try Generator(
          configuration, training: design.train, seed: options.seed, seeding: manifest.rules.seeding
        )
      }
    if goesOn { try folder.readBase(manifest, into: model) }
    let optimizer = AdamW(
      count: model.parameters.count, settings: .init(weightDecay: options.weightDecay))
    return (model, optimizer, TrainingState())
  }

  private func manifest(_ training: TrainingSet) throws -> RunManifest {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    struct Everything: Encodable {
      let design: GeneratorDesign
      let options: TrainingOptions
      let documents: String
    }
    // How often checkpoints are written changes nothing in what comes out.
    var decisive = options
    decisive.checkpointSeconds = 0
    // The documents and their order, so that a cache that has grown since is noticed.
    var hash = SHA256()
    for example in training.examples {
      hash.update(data: Data("\(example.prompt) \(example.response)\n".utf8))
    }
    return RunManifest(
      streams: try streams.map {
        RunStream(
          identity: try encoder.encode($0.identity), template: $0.source.chatTemplate,
          sourcePath: $0.source.path)
      },
      plainPrompts: try hasPlainPrompts(), states: options.states, hasOwnTokenizer: format != nil,
      cachePath: streams[0].path,
      training: try encoder.encode(
        Everything(
          design: design, options: decisive,
          documents: hash.finalize().map { String(format: "%02x", $0) }.joined())))
  }

  /// Whether the prompts' ids are those of their text as it is: seen on the first documents.
  private func hasPlainPrompts() throws -> Bool {
    let cache = streams[0]
    let tokenizer = try Tokenizer(serialized: cache.source.tokenizer)
    return try cache.documents(.train).prefix(20).allSatisfy { entry in
      let document = try cache.document(entry.id)
      return tokenizer.encode(utf8: document.prompt).suffix(document.promptIDs.count)
        == document.promptIDs[...]
    }
  }

  /// What the folder has of this very run, to go on with; nil when it has none.
  private func runToGoOnWith(_ manifest: RunManifest, resume: Bool) throws -> RunManifest? {
    guard folder.exists else {
      if resume { throw TrainingError.noRun(path: folder.path, missing: "run.json") }
      return nil
    }
    guard resume else { throw TrainingError.runExists(path: folder.path) }
    let before = try folder.manifest()
    guard before.streams.count == manifest.streams.count else {
      throw TrainingError.runDiffers(
        path: folder.path, what: "number of streams", run: "\(before.streams.count)",
        here: "\(manifest.streams.count)")
    }
    for (mine, other) in zip(before.streams, manifest.streams) {
      if mine.identity != other.identity {
        func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }
        let (what, old, new) =
          Self.difference(mine.identity, other.identity)
          ?? ("identity", text(mine.identity), text(other.identity))
        throw TrainingError.runDiffers(
          path: folder.path, what: "cache's \(what)", run: old, here: new)
      }
      let (old, new) = (mine.template ?? "none", other.template ?? "none")
      // Byte for byte: equal text of other bytes is another template.
      guard Array(old.utf8) == Array(new.utf8) else {
        throw TrainingError.runDiffers(
          path: folder.path, what: "chat template", run: old, here: new)
      }
    }
    if let (what, old, new) = Self.difference(before.training, manifest.training) {
      throw TrainingError.runDiffers(path: folder.path, what: what, run: old, here: new)
    }
    return before
  }

  /// The first option that differs between two runs' options, with both values.
  private static func difference(_ old: Data, _ new: Data) -> (String, String, String)? {
    func flat(_ data: Data) -> [String: String] {
      let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
      var values: [String: String] = [:]
      for (key, value) in object {
        for (name, inner) in value as? [String: Any] ?? [key: value] {
          // A model is the one that its path leads to.
          values[name] =
            name == "pretrained"
            ? URL(fileURLWithPath: "\(inner)").standardizedFileURL.path : "\(inner)"
        }
      }
      return values
    }
    let (before, now) = (flat(old), flat(new))
    for key in Set(before.keys).union(now.keys).sorted() where before[key] != now[key] {
      return (flag(key), before[key] ?? "not given", now[key] ?? "not given")
    }
    return nil
  }

  /// What the command line calls an option of the manifest.
  private static func flag(_ key: String) -> String {
    if key == "pretrained" { return "from" }
    return key.reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : "\($1)" }
  }
}
