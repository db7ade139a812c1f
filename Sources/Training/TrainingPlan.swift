import Generators

/// What training will take, before there is a cache.
public struct TrainingPlan: Codable, Equatable, Sendable {
  public var run: String
  public var parameters: Int
  /// Tokens that go through the generator in all epochs.
  public var tokens: Int
  public var epochs: Int
  /// Forward and backward, 6 a parameter and token; the head's only where there is a loss.
  public var floatingPointOperations: Double
  public var seconds: Double

  /// Share of the matrix product's rate that training reaches.
  private static let efficiency = 0.5

  /// - Parameters:
  ///   - tokens: of prompt and response of all training documents.
  ///   - operationsPerSecond: the rate of a matrix product.
  public init(
    _ run: String, _ design: GeneratorDesign, _ options: TrainingOptions, tokens: Int,
    sourceWidth: Int, vocabularySize: Int, operationsPerSecond rate: Double
  ) throws {
    try options.validate()
    let configuration = try design.configuration(
      sourceWidth: sourceWidth, vocabularySize: vocabularySize, startToken: 0,
      options: options)
    self.run = run
    parameters = configuration.parameterCount(training: design.train)
    epochs = options.epochs
    self.tokens = tokens * options.epochs
    floatingPointOperations = 6 * Double(parameters) * Double(self.tokens)
    seconds = floatingPointOperations / (rate * Self.efficiency)
  }
}
