import Architectures
import Training

/// What stage two is asked to do: which generator is trained, from which cache, into which folder.
public struct TrainRequest: StageRequest {
  public static let stage = PipelineFile.Stage.train

  public var cache = ""
  public var streams: [Int] = []
  public var run = ""
  public var conditioning = NamedConditioning.standard
  /// What the conditioning's name is put into.
  private var plainDesign = GeneratorDesign()
  /// What `learningRate` is put into.
  private var plainOptions = TrainingOptions()
  public var learningRate: Double?
  /// A model whose tokenizer is the generator's; `nil`: that of its own weights, or else the source's.
  public var tokenizer: String?
  public var resume = false

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] =
    [
      .required(
        "cache", \.cache, .text,
        help: "The feature cache to train from; the source is not needed."),
      .list(
        "stream", \.streams, .integers(from: 1),
        help:
          "A stream to read, as cache_by_source numbers them, where the cache has several; may be given again, to read several."
      ),
      .required(
        "run", \.run, .text, help: "The run's folder: checkpoints, log and description."),
      .option(
        "conditioning", \.conditioning,
        help: "prompt: every layer reads the prompt's states; aligned: the paper's bridge."),
      .option(
        "states", \.plainOptions.states,
        help: "own states, or a baseline: shuffled (another document's) or none (alone)."),
      .option(
        "from", \.plainDesign.pretrained, .text,
        help:
          "A decoder of one of the architectures whose weights are the start; from scratch otherwise."
      ),
      .option(
        "tokenizer", \.tokenizer, .text,
        help:
          "The generator's own tokenizer: a model's folder or file; its own weights' or the source's otherwise."
      ),
      .option(
        "architecture", \.plainDesign.architecture, .words(families),
        help: "The generator's family, where it starts from scratch."),
      .option(
        "train", \.plainDesign.train, .pattern("^(all|bridge|lora:[1-9][0-9]*)$"),
        help:
          "What is trained: all, bridge (what reads the source), or lora:RANK, the bridge and low-rank additions to the rest, as lora:8."
      ),
      .option(
        "layers", \.plainDesign.layers, mostLayers, help: "Layers of the generator."),
      .option("width", \.plainDesign.width, largestSize, help: "Width of the generator."),
      .option(
        "heads", \.plainDesign.heads, largestSize, help: "Attention heads of the generator."),
      .option(
        "key-value-heads", \.plainDesign.keyValueHeads, largestSize,
        help:
          "Heads of keys and values, which all but the gpt families share among heads; as many otherwise."
      ),
      .option(
        "positions", \.plainDesign.positions, largestSize,
        help: "Positions of the generator: its longest sequence."),
      .option(
        "window", \.plainDesign.window, largestSize,
        help: "Positions that the generator's local layers see."),
      .option(
        "adapter", \.plainDesign.adapter, largestSize, help: "Width inside the adapters."),
      .option(
        "bridge-heads", \.plainDesign.bridgeHeads, largestSize,
        help: "Heads of the cross-attention."),
      .option(
        "bridge-layers", \.plainDesign.bridgeLayers, mostLayers,
        help: "aligned: layers of enhanced cross-attention."),
      .option(
        "middle-width", \.plainDesign.middleWidth, largestSize,
        help: "aligned: width between the source's and the generator's; their mean otherwise."),
      .option(
        "mask", \.plainDesign.mask, .words(["causal", "published"]),
        help:
          "aligned: causal, or published, which sees later states: for replication alone."),
      .option(
        "generator-prompt", \.plainDesign.generatorPrompt,
        .pattern("^(all|none|last:[1-9][0-9]*)$"),
        help: "What of a prompt the generator itself embeds: all, last:N or none."),
      .option(
        "reader", \.plainDesign.reader,
        help:
          "How the prompt's states are read: by attention in every layer, pooled where the answer begins, or both."
      ),
      .option(
        "loss", \.plainOptions.loss,
        help: "response, or all (aligned alone: prompt conditioning would show the answers)."),
      .option(
        "epochs", \.plainOptions.epochs, .integers(from: 1, to: 100_000),
        help: "Passes over the training set."),
      .option(
        "batch", \.plainOptions.batch, .integers(from: 1, to: 65_536), help: "Documents a step."),
      .option(
        "accumulate", \.plainOptions.accumulate, .integers(from: 1),
        help: "Parts a step's documents are run in, for less memory."),
      .option("learning-rate", \.learningRate, rate, help: "Both learning rates at once."),
      .option(
        "bridge-learning-rate", \.plainOptions.bridgeLearningRate, rate,
        help: "Of projections, cross-attention, adapters and gates."),
      .option(
        "generator-learning-rate", \.plainOptions.generatorLearningRate, rate,
        help: "Of the generator."),
      .option(
        "warmup", \.plainOptions.warmup, .share,
        help: "Share of all steps in which the learning rates rise."),
      .option(
        "final-rate", \.plainOptions.finalRate, .share,
        help: "Where the cosine ends, as a share of the learning rate; 1 keeps it level."),
      .option(
        "clip", \.plainOptions.clip, .numbers(from: .excluding(0)),
        help: "Largest norm of the gradient."),
      .option(
        "weight-decay", \.plainOptions.weightDecay, .belowOne,
        help: "AdamW's decoupled weight decay."),
      .option(
        "dropout", \.plainOptions.dropout, .belowOne,
        help: "Share of the generator's activations that training drops."),
      .option(
        "bridge-dropout", \.plainOptions.bridgeDropout, .belowOne,
        help: "Share of the cross-attention's weights that training drops."),
      .option(
        "stream-dropout", \.plainOptions.streamDropout, .belowOne,
        help:
          "Share of documents that training gives no states of a stream, so that it can be left out later."
      ),
      .option(
        "patience", \.plainOptions.patience, .integers(from: 0),
        help: "Epochs without gain after which training ends; 0: never early."),
      .option(
        "minimum-gain", \.plainOptions.minimumGain,
        help: "By how many nats the validation loss must fall to count as gain."),
      .option(
        "checkpoint-seconds", \.plainOptions.checkpointSeconds, .numbers(from: .excluding(0)),
        help: "Seconds between checkpoints."),
      .flag("resume", \.resume, help: "Go on with the run in the folder."),
      .option(
        "seed", \.plainOptions.seed, help: "Seeds the weights, the order and the dropout."),
    ]

  /// The families of decoders, which alone can be trained.
  private static let families = ArchitectureRegistry.builtIn.families
    .filter { $0 is any GeneratorArchitecture.Type }.map { $0.family }
  private static let largestSize = AllowedValues.integers(from: 1, to: 1 << 24)
  private static let mostLayers = AllowedValues.integers(from: 1, to: 1024)
  private static let rate = AllowedValues.numbers(from: .including(0), to: .excluding(10))

  /// How the generator is trained.
  var options: TrainingOptions {
    var options = plainOptions
    if let learningRate {
      options.bridgeLearningRate = learningRate
      options.generatorLearningRate = learningRate
    }
    return options
  }

  /// The generator that is trained.
  var design: GeneratorDesign {
    var design = plainDesign
    design.conditioning = conditioning.name
    return design
  }

  public func checkRanges() throws {
    try options.validate()
    try design.requireSizes()
  }
}
