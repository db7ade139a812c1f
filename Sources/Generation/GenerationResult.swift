/// Why an answer ended: the model ended it or a stop string came, the token limit, or the reader left.
public enum FinishReason: String, Codable, Sendable {
  case stop, length, cancelled
}

/// Where the source's states came from.
public enum StatesOrigin: String, Codable, Sendable {
  /// From the cache; the source was not opened.
  case reused
  /// Computed by the source just now.
  case recomputed
  /// Computed by the source token by token, beside the generator (`aligned`).
  case stepped
  /// There are none: the generator was trained alone.
  case none
}

/// An answer, and what it took.
public struct GenerationResult: Codable, Equatable, Sendable {
  public var text: String
  public var ids: [Int32]
  /// Of the prompt, in the source's tokenizer.
  public var promptTokens: Int
  public var finish: FinishReason
  public var states: StatesOrigin
  /// To get the prompt's states, to prepare the generator with the prompt, to decode.
  public var statesSeconds: Double
  public var prefillSeconds: Double
  public var decodeSeconds: Double

  public var tokens: Int { ids.count }
  public var tokensPerSecond: Double { decodeSeconds > 0 ? Double(tokens) / decodeSeconds : 0 }
}
