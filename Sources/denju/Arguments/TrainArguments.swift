import ArgumentParser
import Architectures
import Foundation
import Generators
import Identity
import Layers
import ModelFiles
import Training

extension StatesArm: ExpressibleByArgument {}
extension LossScope: ExpressibleByArgument {}
extension GeneratorPrompt: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
extension BridgeMask: ExpressibleByArgument {}
extension TrainedParts: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// What `train` takes, as flags and as the keys of a pipeline's section.
struct TrainArguments: ParsableArguments {
  @Option(help: "The feature cache to train from; the source is not needed.")
  var cache: String

  @OptionGroup var stream: StreamArguments

  @Option(help: "The run's folder: checkpoints, log and description.")
  var run: String

  @Option(help: "prompt: every layer reads the prompt's states; aligned: the paper's bridge.")
  var conditioning = Conditioning.prompt

  @Option(help: "own states, or a baseline: shuffled (another document's) or none (alone).")
  var states = StatesArm.own

  @Option(help: "A GPT-Neo, Llama or Qwen2 model whose weights are the start; from scratch otherwise.")
  var from: String?

  @Option(
    help: "The generator's own tokenizer: a model's folder or file; its own weights' or the source's otherwise."
  )
  var tokenizer: String?

  @Option(help: "The generator's family, from scratch: gpt_neo, llama or qwen2.")
  var architecture = GPTNeo.family

  @Option(
    help: "What is trained: all, bridge (what reads the source), or lora:RANK, the bridge and low-rank additions to the rest, as lora:8."
  )
  var train = TrainedParts.all

  @Option(help: "Layers of the generator.")
  var layers = 4

  @Option(help: "Width of the generator.")
  var width = 256

  @Option(help: "Attention heads of the generator.")
  var heads = 8

  @Option(help: "Heads of keys and values, which llama and qwen2 share among heads; as many otherwise.")
  var keyValueHeads: Int?

  @Option(help: "Positions of the generator: its longest sequence.")
  var positions = 512

  @Option(help: "Positions that the generator's local layers see.")
  var window = 256

  @Option(help: "Width inside the adapters.")
  var adapter = 64

  @Option(help: "Heads of the cross-attention.")
  var bridgeHeads = 8

  @Option(help: "aligned: layers of enhanced cross-attention.")
  var bridgeLayers = 2

  @Option(help: "aligned: width between the source's and the generator's; their mean otherwise.")
  var middleWidth: Int?

  @Option(help: "aligned: causal, or published, which sees later states: for replication alone.")
  var mask = BridgeMask.causal

  @Option(help: "What of a prompt the generator itself embeds: all, last:N or none.")
  var generatorPrompt = GeneratorPrompt.all

  @Option(help: "response, or all (aligned alone: prompt conditioning would show the answers).")
  var loss = LossScope.response

  @Option(help: "Passes over the training set.")
  var epochs = 10

  @Option(help: "Documents a step.")
  var batch = 16

  @Option(help: "Parts a step's documents are run in, for less memory.")
  var accumulate = 1

  @Option(help: "Both learning rates at once.")
  var learningRate: Double?

  @Option(help: "Of projections, cross-attention, adapters and gates.")
  var bridgeLearningRate = 5e-4

  @Option(help: "Of the generator.")
  var generatorLearningRate = 5e-4

  @Option(help: "Share of all steps in which the learning rates rise.")
  var warmup = 0.05

  @Option(help: "Where the cosine ends, as a share of the learning rate; 1 keeps it level.")
  var finalRate = 0.1

  @Option(help: "Largest norm of the gradient.")
  var clip = 1.0

  @Option(help: "AdamW's decoupled weight decay.")
  var weightDecay = 0.01

  @Option(help: "Share of the generator's activations that training drops.")
  var dropout = 0.0

  @Option(help: "Share of the cross-attention's weights that training drops.")
  var bridgeDropout = 0.0

  @Option(help: "Epochs without gain after which training ends; 0: never early.")
  var patience = 0

  @Option(help: "By how many nats the validation loss must fall to count as gain.")
  var minimumGain = 1e-4

  @Option(help: "Seconds between checkpoints.")
  var checkpointSeconds = 60.0

  @Flag(help: "Go on with the run in the folder.")
  var resume = false

  @Option(help: "Seeds the weights, the order and the dropout.")
  var seed: UInt64 = 0

  init() {}

  func options() -> TrainingOptions {
    var options = TrainingOptions()
    options.states = states
    options.loss = loss
    options.epochs = epochs
    options.batch = batch
    options.accumulate = accumulate
    options.bridgeLearningRate = learningRate ?? bridgeLearningRate
    options.generatorLearningRate = learningRate ?? generatorLearningRate
    options.warmup = warmup
    options.finalRate = finalRate
    options.clip = clip
    options.weightDecay = weightDecay
    options.dropout = dropout
    options.bridgeDropout = bridgeDropout
    options.patience = patience
    options.minimumGain = minimumGain
    options.checkpointSeconds = checkpointSeconds
    options.seed = seed
    return options
  }

  /// The generator that the flags describe.
  func design() -> GeneratorDesign {
    GeneratorDesign(
      conditioning: conditioning.rawValue, architecture: architecture, pretrained: from,
      layers: layers, width: width, heads: heads, keyValueHeads: keyValueHeads,
      positions: positions, window: window, adapter: adapter, bridgeHeads: bridgeHeads,
      bridgeLayers: bridgeLayers, middleWidth: middleWidth, mask: mask,
      generatorPrompt: generatorPrompt, train: train)
  }
}
