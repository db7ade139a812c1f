/// A document of the vectors: what the generator reads and answers, and the logits of each position.
struct ReferenceDocument {
  /// The source's states, row by row.
  let states: [Float]

  /// Empty in `aligned` conditioning, where the loss is over all tokens but the first.
  let prompt: [Int32]

  let response: [Int32]

  /// Of every position, prompt and response, row by row.
  let logits: [Float]

  /// Those of the decoder alone, which reads no states; nil in `aligned` conditioning.
  let plainLogits: [Float]?
}

/// What the vectors ask of a generator: a few lines put the model under test behind it.
protocol ReferenceGenerator {
  /// The shapes of what is trained, by name.
  var trainedShapes: [String: [Int]] { get }

  /// The logits of every position of a document, row by row.
  func logits(_ document: ReferenceDocument) throws -> [Float]

  /// Computes the gradients of the mean loss over the tokens that count, in place of those before,
  /// and gives that loss.
  func backward(_ documents: [ReferenceDocument]) throws -> Double

  /// What the last `backward` computed.
  func gradient(of name: String) throws -> [Float]

  /// A trained tensor as it is now.
  func value(of name: String) throws -> [Float]

  /// Takes one step by the last gradients, and gives their norm over what is trained, unclipped.
  func step(_ optimizer: OptimizerStatement) throws -> Double
}
