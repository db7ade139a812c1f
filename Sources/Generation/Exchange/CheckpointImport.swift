import Architectures
import FeatureCache
import Foundation
import Generators
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Runs
import Tokenization

/// Makes a run of weights that were trained elsewhere, which then generates and serves as one of our own.
///
/// The published LLM Modules checkpoint (`gptneo.*`, `qwen.*`) and files of our own names become a run that reads the
/// source; a decoder's plain weights become a run of the arm `none`.
public struct CheckpointImport {
  /// What is imported, and what it was trained with.
  public struct Options: Sendable {
    /// A `.safetensors` file, or a folder that holds one.
    public var path: String
    /// The source that it reads.
    public var source: String
    /// The run's folder to make.
    public var run: String
    /// A model whose tokenizer is the generator's; `nil`: the source's, or that of plain weights.
    public var tokenizer: String?
    /// The source's layer that it reads: 0 (embedding) to N, or from the end.
    public var layer = -1
    public var normalized = true
    /// A chat template by name that its prompts were written with; `nil`: plain prompts.
    public var template: String?
    /// What the file of weights leaves unsaid.
    public var weights = ImportOptions()

    public init(path: String, source: String, run: String) {
      self.path = path
      self.source = source
      self.run = run
    }
  }

  private let options: Options
  private let registries: GeneratorRegistries

  public init(_ options: Options, registries: GeneratorRegistries = .builtIn) {
    self.options = options
    self.registries = registries
  }

  /// Makes the run. Everything is read and checked before its folder is made.
  ///
  /// - Returns: the generator's configuration, and whose states it reads.
  @discardableResult
  public func make() throws -> (configuration: GeneratorConfiguration, states: StatesArm) {
    let run = RunFolder(options.run)
    guard !run.exists else { throw GenerationError.runExists(options.run) }
    try refusePickle()
    if let template = options.template { _ = try ChatTemplate.named(template) }
    let folder = try ModelFolder.open(options.source)
    let architecture = try folder.architecture(registries.architectures)
    let sourceTokenizer = try Tokenizer.load(folder)
    let plain = try plainModel()
    let generator: Generator
    if let plain {
      generator = try self.generator(plain, sourceWidth: architecture.width)
    } else {
      generator = try WeightsImport.open(options.path, options: options.weights)
    }
    let configuration = generator.configuration
    let own = try tokenizer(plain: plain)
    try check(
      configuration, architecture, own ?? sourceTokenizer, isSources: own == nil)
    let arm: StatesArm = configuration.needs.readsStates ? .own : .none
    let identity = try identity(folder, architecture, sourceTokenizer)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try run.create(
      RunManifest(
        streams: [
          RunStream(
            identity: try encoder.encode(identity), template: options.template,
            sourcePath: URL(fileURLWithPath: options.source).standardizedFileURL.path)
        ],
        plainPrompts: options.template == nil, states: arm, hasOwnTokenizer: own != nil,
        cachePath: "", training: try encoder.encode(["imported": options.path])),
      generator,
      streams: [.init(tokenizer: sourceTokenizer.serialized(), codecFit: nil)],
      generatorTokenizer: own?.serialized())
    try Checkpoint.save(generator, to: run.best)
    return (configuration, arm)
  }

  /// A file that has to be run to be read is none that is read here.
  private func refusePickle() throws {
    let name = (options.path as NSString).lastPathComponent.lowercased()
    let head = FileHandle(forReadingAtPath: options.path).flatMap { try? $0.read(upToCount: 9) }
    let isZip = head?.starts(with: [0x50, 0x4B, 3, 4]) ?? false
    // A safetensors file may begin with this byte too: its header, an object, follows eight bytes of length.
    let isPickle = head?.first == 0x80 && head?.dropFirst(8).first != UInt8(ascii: "{")
    guard
      [".pt", ".pth", ".bin", ".ckpt", ".pkl"].contains(where: name.hasSuffix) || isZip || isPickle
    else { return }
    throw GenerationError.pickled(path: options.path)
  }

  /// The folder of a decoder's plain weights; nil where the path is of another kind.
  private func plainModel() throws -> ModelFolder? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: options.path, isDirectory: &isFolder) else {
      throw ModelFileError.unreadable(file: options.path, reason: "no such file or folder")
    }
    guard isFolder.boolValue || options.path.hasSuffix(".gguf") else { return nil }
    guard let folder = try? ModelFolder.open(options.path),
      let path = try? folder.gguf?.path ?? folder.configurationPath()
    else { return nil }
    // A checkpoint of our own has a `config.json` of another form.
    if path.hasSuffix(".json") {
      let reader = try ConfigurationReader(path: path)
      guard try reader.string("model_type") != nil else { return nil }
    }
    return folder
  }

  private func generator(_ plain: ModelFolder, sourceWidth: Int) throws -> Generator {
    let model = try plain.architecture(registries.architectures)
    guard let backbone = model as? any GeneratorArchitecture else {
      throw GenerationError.noGenerator(path: options.path, family: model.family)
    }
    let conditioning = try PromptConditioning(
      design: ConditioningDesign(
        name: PromptConditioning.name, arm: .none, layers: backbone.layerCount,
        width: backbone.width, sourceWidth: sourceWidth,
        bridgeHeads: 1, startToken: model.beginTokenID ?? model.endTokenID))
    return try Generator(
      pretrained: plain,
      GeneratorConfiguration(
        backbone: backbone, conditioning: conditioning,
        streams: [StreamShape(width: sourceWidth)]), seed: 0)
  }

  private func tokenizer(plain: ModelFolder?) throws -> Tokenizer? {
    if let named = options.tokenizer { return try Tokenizer.load(try ModelFolder.open(named)) }
    return try plain.map { try Tokenizer.load($0) }
  }

  private func check(
    _ configuration: GeneratorConfiguration, _ architecture: any Architecture,
    _ tokenizer: Tokenizer, isSources: Bool
  ) throws {
    guard configuration.streams.count == 1 else {
      throw GenerationError.importMismatch(
        path: options.path, item: "states of \(configuration.streams.count) streams",
        other: "what is imported reads one: copy the whole run's folder instead")
    }
    let width = configuration.streams[0].width
    guard !configuration.needs.readsStates || width == architecture.width else {
      throw GenerationError.importMismatch(
        path: options.path, item: "states of width \(width)",
        other: "\(options.source) gives \(architecture.width)")
    }
    guard !configuration.needs.steps || (isSources && architecture.visibility == .causal) else {
      throw GenerationError.importMismatch(
        path: options.path, item: "states of every token that is written",
        other: "it needs a source that writes, and its tokenizer")
    }
    // A model's table may have rows beyond its tokenizer's tokens; a source's own tokenizer has them all.
    let (tokens, rows) = (tokenizer.vocabularySize, configuration.vocabularySize)
    guard tokenizer.canWriteText, tokenizer.endOfTextID != nil,
      isSources ? tokens == rows : tokens <= rows
    else {
      throw GenerationError.importMismatch(
        path: options.path, item: "\(configuration.vocabularySize) tokens",
        other:
          "the tokenizer has \(tokenizer.vocabularySize); name the generator's with --tokenizer")
    }
  }

  private func identity(
    _ folder: ModelFolder, _ architecture: any Architecture, _ tokenizer: Tokenizer
  ) throws -> CacheIdentity {
    guard let layer = architecture.layer(options.layer) else {
      throw KnowledgeSourceError.layerOutOfRange(
        layer: options.layer, layerCount: architecture.layerCount)
    }
    return CacheIdentity(
      weights: try folder.catalogue().sha256(), architecture: architecture.identityJSON,
      tokenizer: tokenizer.fingerprint, layer: layer,
      normalized: options.normalized && layer == architecture.layerCount
        && architecture.hasFinalNorm,
      codec: "float32", numerics: Numerics.version, width: architecture.width,
      scope: architecture.visibility == .document ? .document : .causal)
  }
}
