import Numerics

/// Projections of a block that have biases.
public struct ProjectionBiases: OptionSet, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Queries, keys and values.
  public static let attentionInputs = ProjectionBiases(rawValue: 1)
  /// What attention has read, on its way out.
  public static let attentionOutput = ProjectionBiases(rawValue: 2)
  /// Gate, up and down.
  public static let feedForward = ProjectionBiases(rawValue: 4)

  public static let attention: ProjectionBiases = [.attentionInputs, .attentionOutput]
}

/// What sets one family of rotary decoders apart from Llama: constants of the family, whatever the model's size.
public struct RotaryDecoderTraits: Sendable, Equatable {
  /// Which layers see a window of earlier tokens instead of all, and how a `config.json` says so.
  public enum Windows: Sendable, Equatable {
    /// None: a configuration that asks for one is refused.
    case none
    /// All layers, by `sliding_window`; null: none. `absent` is transformers' default of the key.
    case everyLayer(absent: Int?)
    /// Where `use_sliding_window` is true, those of `layer_types`, or from `max_window_layers` on.
    case upperLayers
    /// Those of `layer_types`, or all but each `period`-th.
    case pattern(period: Int, absent: Int)
  }

  /// The projections that have biases whatever the model.
  public var biases: ProjectionBiases = []
  /// Whether a model says itself which have: a `config.json` by `attention_bias` and `mlp_bias`, a GGUF file by its
  /// tensors. Elsewhere what those keys say must be what `biases` says.
  public var choosesBiases = false
  /// Whether `config.json` has to say how many key-value heads there are; else they are as many as heads.
  public var requiresKeyValueHeads = false
  /// Whether each head's queries and keys are normed before they turn.
  public var normsHeads = false
  /// Whether what a half of a block gives is normed before it is added.
  public var normsOutputs = false
  /// What norms' scales are stored less: 1 where files have w of (1 + w).
  public var normOffset: Float = 0
  /// Whether the embedding is multiplied by √C.
  public var scalesEmbedding = false
  public var unit = GatedLinearUnit.swiGLU
  /// Whether files have query, key and value, and gate and up, in one tensor each.
  public var isFused = false
  public var windows = Windows.none
  /// The base of the angles in windowed layers where the file says none; nil: the others'.
  public var localTheta: Float?
  /// The base of the angles where the file says none.
  public var theta: Float = 10_000
  /// What transformers takes for an absent `head_dim`; nil: the width's share.
  public var headSize: Int?
  /// `rms_norm_eps` where the file says none.
  public var epsilon: Float = 1e-6
  /// Whether the output head is the embedding where the file does not say.
  public var tiesEmbeddings = false
  /// How a `config.json` names the feed-forward half's activation.
  public struct Activation: Sendable, Equatable {
    public var key = "hidden_act"
    /// Those that are `unit`; the first is written.
    public var values = ["silu", "swish"]
  }

  public var activation = Activation()
  /// Whether a cap on logits, and what queries are divided by the root of, are keys of the family.
  public var capsLogits = false
  /// Whether a cap on attention's scores is. transformers has the key for Gemma 3 too and computes without it.
  public var capsScores = false
  /// The layers of the family's one model whose queries a GGUF file leaves to be divided by the root of the width's
  /// share of a head instead of its size; as llama.cpp has it.
  public var layersOfScaledQueries: Int?
  /// Whether `config.json` says by `original_max_position_embeddings` how long the texts of the first training were.
  public var saysOriginalPositions = false
  /// Types of `rope_scaling` by older names.
  public var scalingNames: [String: String] = [:]

  /// Whether a checkpoint's `config.json` has to say each layer's window.
  var alwaysSaysWindows: Bool {
    switch windows {
    case .none, .upperLayers, .everyLayer(absent: nil): false
    case .everyLayer, .pattern: true
    }
  }

  public init(_ change: (inout RotaryDecoderTraits) -> Void = { _ in }) { change(&self) }
}
