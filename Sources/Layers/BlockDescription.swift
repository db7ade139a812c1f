import Numerics

/// What one layer of a transformer is: sizes, operations and the names of its tensors. An architecture says
/// it once; `TransformerBlock` trains and decodes from it, a knowledge source runs it frozen.
public struct BlockDescription: Sendable, Equatable {
  /// Width of the stream, C.
  public var width: Int
  public var norm: NormKind
  public var arrangement: Arrangement
  public var attention: AttentionDescription
  public var feedForward: FeedForwardDescription
  /// The norms' names: in `before`, of what attention and feed-forward read; in `after`, of what the stream
  /// becomes with what they add.
  public var attentionNorm: String
  public var feedForwardNorm: String

  public init(
    width: Int, norm: NormKind, arrangement: Arrangement = .before,
    attention: AttentionDescription, feedForward: FeedForwardDescription, attentionNorm: String,
    feedForwardNorm: String
  ) {
    self.width = width
    self.norm = norm
    self.arrangement = arrangement
    self.attention = attention
    self.feedForward = feedForward
    self.attentionNorm = attentionNorm
    self.feedForwardNorm = feedForwardNorm
  }

  /// The same block, its tensors called otherwise.
  public func renamed(_ rename: (String) -> String) -> BlockDescription {
    var copy = self
    copy.attentionNorm = rename(attentionNorm)
    copy.feedForwardNorm = rename(feedForwardNorm)
    for path in [
      \AttentionDescription.query, \AttentionDescription.key, \AttentionDescription.value,
      \AttentionDescription.output,
    ] {
      copy.attention[keyPath: path].name = rename(attention[keyPath: path].name)
    }
    func renamed(_ part: ProjectionDescription) -> ProjectionDescription {
      ProjectionDescription(rename(part.name), hasBias: part.hasBias)
    }
    switch feedForward {
    case .plain(let gelu, let inner, let expand, let contract):
      copy.feedForward = .plain(
        gelu, inner: inner, expand: renamed(expand), contract: renamed(contract))
    case .gated(let inner, let gate, let up, let down):
      copy.feedForward = .gated(
        inner: inner, gate: renamed(gate), up: renamed(up), down: renamed(down))
    }
    return copy
  }

  /// Where a block norms.
  public enum Arrangement: Sendable, Equatable {
    /// x ← x + f(norm x): Llama, GPT-Neo.
    case before
    /// x ← norm(x + f(x)): BERT.
    case after
  }
}

/// A projection's name and whether it has a bias.
public struct ProjectionDescription: Sendable, Equatable {
  public var name: String
  public var hasBias: Bool

  public init(_ name: String, hasBias: Bool = false) {
    self.name = name
    self.hasBias = hasBias
  }
}

/// Self-attention: its heads, what a token sees, and its projections.
public struct AttentionDescription: Sendable, Equatable {
  /// H query heads over G key-value heads of size D.
  public var heads: AttentionHeads
  public var mask: AttentionMask
  /// Positions back that are seen, the token's own among them; nil: all.
  public var window: Int?
  public var softCap: Float?
  /// What scores are multiplied by after their sum, beside the heads' own scale before it.
  public var scoreScale: Float
  public var rotary: RotaryDescription?
  public var query, key, value, output: ProjectionDescription
  /// In which order a layout has query, key and value, as the order of tensors decides a run's bits.
  public var order: [WritableKeyPath<AttentionDescription, ProjectionDescription> & Sendable]

  public init(
    heads: AttentionHeads, mask: AttentionMask = .causal, window: Int? = nil,
    softCap: Float? = nil, scoreScale: Float = 1, rotary: RotaryDescription? = nil,
    query: ProjectionDescription, key: ProjectionDescription, value: ProjectionDescription,
    output: ProjectionDescription,
    order: [WritableKeyPath<AttentionDescription, ProjectionDescription> & Sendable] = [
      \.query, \.key, \.value,
    ]
  ) {
    self.heads = heads
    self.mask = mask
    self.window = window
    self.softCap = softCap
    self.scoreScale = scoreScale
    self.rotary = rotary
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.order = order
  }
}

/// Rotary positions: the base of the angles.
public struct RotaryDescription: Sendable, Hashable {
  public var theta: Float

  public init(theta: Float) { self.theta = theta }
}

/// The feed-forward half of a block.
public enum FeedForwardDescription: Sendable, Equatable {
  /// W₂ GELU(W₁ x + b₁) + b₂
  case plain(
    GELU, inner: Int, expand: ProjectionDescription, contract: ProjectionDescription)
  /// W_down (silu(W_gate x) · W_up x)
  case gated(
    inner: Int, gate: ProjectionDescription, up: ProjectionDescription, down: ProjectionDescription)

  /// Width inside.
  public var inner: Int {
    switch self {
    case .plain(_, let inner, _, _), .gated(let inner, _, _, _): inner
    }
  }
}
