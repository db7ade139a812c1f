/// One document for a pass: the streams' states beside the generator's tokens.
public struct GeneratorDocument: Sendable {
  /// For each stream, [count, its width], row-major; how many there are is up to the stream. In `prompt`
  /// they are the prompt's, in the source's tokenizer; in `aligned` all tokens', prompt and response.
  public var states: [[Float]]
  /// Token ids of the generator.
  public var prompt: [Int32]
  public var response: [Int32]

  public init(states: [[Float]], prompt: [Int32], response: [Int32]) {
    self.states = states
    self.prompt = prompt
    self.response = response
  }
}

/// Which tokens the loss is over.
public enum LossScope: String, Codable, Sendable, CaseIterable {
  case response
  /// Every token that has one before it, where the conditioning allows it.
  case all
}

/// What a pass over a batch gives.
public struct BatchResult: Sendable, Equatable {
  /// Summed over tokens, in nats.
  public var lossSum: Double
  /// Tokens in the sum.
  public var tokenCount: Int
  /// The mean of each bridge layer's gate over rows and channels.
  public var meanGates: [Float]
}

/// A series of states that a generator reads: one layer of one source.
public struct StreamShape: Codable, Equatable, Sendable {
  /// Values a state.
  public var width: Int

  public init(width: Int) { self.width = width }
}

extension GeneratorDocument {
  /// How many states each stream has, when there are whole rows of them.
  func stateCounts(
    _ streams: [StreamShape], document: Int
  ) throws(GeneratorError) -> [Int] {
    guard states.count == streams.count else {
      throw .document(
        document, item: "states", expected: "those of \(streams.count) streams",
        found: "those of \(states.count)")
    }
    var counts: [Int] = []
    for (states, stream) in zip(states, streams) {
      guard states.count % stream.width == 0 else {
        throw .document(
          document, item: "states", expected: "rows of \(stream.width) values, the source's width",
          found: "\(states.count) values")
      }
      counts.append(states.count / stream.width)
    }
    return counts
  }

  static func check(
    _ tokens: [Int32], vocabulary: Int, document: Int
  ) throws(GeneratorError) {
    for token in tokens where token < 0 || Int(token) >= vocabulary {
      throw .document(
        document, item: "a token id",
        expected: "0 to \(vocabulary - 1), the generator's vocabulary", found: "\(token)")
    }
  }
}
