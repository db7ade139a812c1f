/// One document for a pass: the source's states beside the generator's tokens.
public struct GenerationDocument: Sendable {
  /// [count, source width], row-major. `prompt`: of the prompt's tokens, in the source's tokenizer.
  /// `aligned`: of all tokens, prompt and response.
  public var states: [Float]
  /// Token ids of the generator.
  public var prompt: [Int32]
  public var response: [Int32]

  public init(states: [Float], prompt: [Int32], response: [Int32]) {
    self.states = states
    self.prompt = prompt
    self.response = response
  }
}

/// Which tokens the loss is over.
public enum LossScope: String, Codable, Sendable, CaseIterable {
  case response
  /// Every token that has one before it; `aligned` alone, since in `prompt` each prompt token sees
  /// states that contain it.
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

extension GenerationDocument {
  /// The number of states, when there are whole rows of them.
  func stateCount(width: Int, document: Int) throws(GenerationModuleError) -> Int {
    guard states.count % width == 0 else {
      throw .document(
        document, item: "states", expected: "rows of \(width) values, the source's width",
        found: "\(states.count) values")
    }
    return states.count / width
  }

  static func check(
    _ tokens: [Int32], vocabulary: Int, document: Int
  ) throws(GenerationModuleError) {
    for token in tokens where token < 0 || Int(token) >= vocabulary {
      throw .document(
        document, item: "a token id",
        expected: "0 to \(vocabulary - 1), the generator's vocabulary",
        found: "\(token)")
    }
  }
}
