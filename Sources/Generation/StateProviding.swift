import Tokenization

/// Where an engine gets a prompt's states, and those of the tokens that it writes: the cache and the sources,
/// or what stands in for them.
public protocol StateProviding: AnyObject {
  /// The states of a prompt, a stream each, [tokens, width]; a stream that is left out has none.
  ///
  /// - Parameter prompts: the prompt in each stream's tokens, which may differ.
  func states(
    _ prompts: [PromptFormat.Encoded]
  ) throws -> (values: [[Float]], origin: StatesOrigin)

  /// Most tokens that can be stepped through; the source's positions.
  func mostSteps() throws -> Int

  /// A document under way that gives the states of tokens one by one.
  func makeStepper(capacity: Int) throws -> any StateStepper

  /// Steps several documents together: the states of each one's new tokens, a stream each.
  func step(_ pieces: [(stepper: any StateStepper, ids: [Int32])]) throws -> [[[Float]]]
}

/// A document under way; only who made it knows what is in it.
public protocol StateStepper: AnyObject {}
