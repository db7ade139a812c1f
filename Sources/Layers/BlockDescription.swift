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
  /// The norms' names: in `after`, of what the stream becomes with what attention and feed-forward add; else of
  /// what they read.
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
    if case .around(let attention, let feedForward) = arrangement {
      copy.arrangement = .around(attention: rename(attention), feedForward: rename(feedForward))
    }
    for path in [\AttentionDescription.queryNorm, \AttentionDescription.keyNorm] {
      copy.attention[keyPath: path]?.name = rename(attention[keyPath: path]?.name ?? "")
    }
    for path in [
      \AttentionDescription.query, \AttentionDescription.key, \AttentionDescription.value,
      \AttentionDescription.output,
    ] {
      copy.attention[keyPath: path].name = rename(attention[keyPath: path].name)
    }
    func renamed(_ part: ProjectionDescription) -> ProjectionDescription {
      var copy = part
      copy.name = rename(part.name)
      return copy
    }
    switch feedForward {
    case .plain(let gelu, let inner, let expand, let contract):
      copy.feedForward = .plain(
        gelu, inner: inner, expand: renamed(expand), contract: renamed(contract))
    case .gated(let unit, let inner, let gate, let up, let down):
      copy.feedForward = .gated(
        unit, inner: inner, gate: renamed(gate), up: renamed(up), down: renamed(down))
    }
    return copy
  }

  /// Where a block norms.
  public enum Arrangement: Sendable, Equatable {
    /// x ← x + f(norm x): Llama, GPT-Neo.
    case before
    /// x ← norm(x + f(x)): BERT.
    case after
    /// x ← x + norm′(f(norm x)), with a name for each half's norm′: Gemma.
    case around(attention: String, feedForward: String)
    /// x ← x + attention(norm₁ x) + feedForward(norm₂ x), both of the same x: GPT-NeoX.
    case parallel
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

/// A norm's name and kind.
public struct NormDescription: Sendable, Equatable {
  public var name: String
  public var kind: NormKind

  public init(_ name: String, _ kind: NormKind) {
    self.name = name
    self.kind = kind
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
  /// Norms of each head's queries and keys, of D channels, before they turn; nil: none.
  public var queryNorm, keyNorm: NormDescription?
  public var query, key, value, output: ProjectionDescription
  /// In which order a layout has query, key and value, as the order of tensors decides a run's bits.
  public var order: [WritableKeyPath<AttentionDescription, ProjectionDescription> & Sendable]

  public init(
    heads: AttentionHeads, mask: AttentionMask = .causal, window: Int? = nil,
    softCap: Float? = nil, scoreScale: Float = 1, rotary: RotaryDescription? = nil,
    queryNorm: NormDescription? = nil, keyNorm: NormDescription? = nil,
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
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.order = order
  }
}

/// The feed-forward half of a block.
public enum FeedForwardDescription: Sendable, Equatable {
  /// W₂ GELU(W₁ x + b₁) + b₂
  case plain(
    GELU, inner: Int, expand: ProjectionDescription, contract: ProjectionDescription)
  /// W_down (f(W_gate x) · W_up x), f the unit's
  case gated(
    GatedLinearUnit = .swiGLU, inner: Int, gate: ProjectionDescription, up: ProjectionDescription,
    down: ProjectionDescription)

  /// Width inside.
  public var inner: Int {
    switch self {
    case .plain(_, let inner, _, _), .gated(_, let inner, _, _, _): inner
    }
  }
}
