/// How the next token is chosen, and when to stop. The defaults decode greedily.
public struct SamplingOptions: Codable, Equatable, Sendable {
  /// 0 takes the likeliest token; above, logits are divided by it.
  public var temperature: Float
  /// Draws among this many likeliest tokens; 0 means all.
  public var topK: Int
  /// Draws among the fewest likeliest tokens whose probabilities sum to at least this; 1 means all.
  public var topP: Float
  /// Divides the positive logits of tokens that were already generated, and multiplies the negative
  /// ones (Keskar et al., arXiv 1909.05858, equation 2); 1 leaves them.
  public var repetitionPenalty: Float
  /// How many paths a search for the likeliest whole answer follows; 1 takes token after token. What is searched is
  /// neither drawn nor penalized.
  public var beams: Int
  /// Most tokens to generate.
  public var maxTokens: Int
  /// Strings that end the answer; none of them is part of it.
  public var stop: [String]
  /// Seeds every draw.
  public var seed: UInt64

  public init(
    temperature: Float = 0, topK: Int = 0, topP: Float = 1, repetitionPenalty: Float = 1,
    beams: Int = 1, maxTokens: Int = 128, stop: [String] = [], seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.repetitionPenalty = repetitionPenalty
    self.beams = beams
    self.maxTokens = maxTokens
    self.stop = stop
    self.seed = seed
  }

  /// Paths of a search.
  public static let mostBeams = 64

  /// Throws `GenerationError.invalidOption` for the first value out of its range.
  public func validate() throws(GenerationError) {
    func require(_ holds: Bool, _ name: String, _ found: String, _ range: String)
      throws(GenerationError)
    {
      if !holds { throw .invalidOption(name: name, found: found, allowed: range) }
    }
    try require(
      temperature.isFinite && temperature >= 0, "temperature", "\(temperature)", "0 or more")
    try require(topK >= 0, "top-k", "\(topK)", "0 (all) or more")
    try require(topP > 0 && topP <= 1, "top-p", "\(topP)", "above 0, at most 1")
    try require(
      repetitionPenalty.isFinite && repetitionPenalty > 0, "repetition-penalty",
      "\(repetitionPenalty)", "above 0")
    try require(
      (1...Self.mostBeams).contains(beams), "beams", "\(beams)", "1 to \(Self.mostBeams)")
    try require(
      beams == 1 || (temperature == 0 && repetitionPenalty == 1), "beams", "\(beams)",
      "1 where tokens are drawn or penalized")
    try require(maxTokens >= 1, "max-new-tokens", "\(maxTokens)", "1 or more")
    try require(!stop.contains(""), "stop", "an empty string", "strings of at least one character")
  }
}
