/// What tokens of one piece of a step read of one stream's states, in one layer of the bridge.
///
/// A head's weights of all states of all streams that a token sees add up to 1.
public struct AttentionWeights: Equatable, Sendable {
  /// Tokens of the piece.
  public let tokens: Int
  /// Heads of the bridge.
  public let heads: Int
  /// States that the session remembers of the stream, those that came with the step among them.
  public let states: Int
  /// [tokens, heads, states]
  public let values: [Float]
}

extension ConditioningNetwork {
  /// Nothing is attended to before the first layer, unless the conditioning says otherwise.
  public func entryAttention(
    _ trace: any ConditioningTrace, _ batch: GeneratorBatch, part: Int, rows: Range<Int>
  ) -> [[AttentionWeights]] { [] }

  /// Nothing is attended to before a layer, unless the conditioning says otherwise.
  public func layerAttention(
    _ layer: Int, _ trace: any ConditioningTrace, _ batch: GeneratorBatch, part: Int,
    rows: Range<Int>
  ) -> [[AttentionWeights]] { [] }
}
