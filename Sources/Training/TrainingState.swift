import Foundation
import Generators

/// Where a run stands: with the weights and the optimizer's moments, all that going on needs.
struct TrainingState: Codable, Equatable, Sendable {
  /// How many steps were made so far.
  var step = 0
  /// Sum of losses and of counted tokens, over the steps of the epoch under way.
  var epochLoss = 0.0
  var epochTokens = 0
  /// Nats a token over the last whole epoch.
  var trainLoss = 0.0
  /// Lowest validation loss so far, and epochs since; `nil` before the first.
  var bestLoss: Double?
  var epochsWithoutGain = 0
  var firstLoss: Double?
  var finished = false
  /// Seconds of work, over all sittings.
  var seconds = 0.0
  var tokens = 0

  static let name = "training.json"

  /// The state of the checkpoint at `folder`.
  static func read(_ folder: String) throws(TrainingError) -> TrainingState {
    let path = (folder as NSString).appendingPathComponent(name)
    let state: TrainingState
    do {
      state = try JSONDecoder().decode(
        TrainingState.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .unreadable(path: path, reason: "it is not there, or not a training state")
    }
    for count in [state.step, state.epochTokens, state.epochsWithoutGain, state.tokens]
    where !(0...largestCount).contains(count) {
      throw .unreadable(path: path, reason: "\(count) is no count of steps, epochs or tokens")
    }
    return state
  }

  /// More than a run could come to in a lifetime, and far from where a sum would overflow.
  private static let largestCount = 1 << 53

  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }
}

/// What a training run came to.
public struct TrainingReport: Codable, Equatable, Sendable {
  public var run: String
  public var steps: Int
  public var epochs: Int
  /// Nats a token: of the first step, of the last epoch, and the lowest on the validation set.
  public var firstLoss: Double?
  public var trainLoss: Double
  public var bestValidationLoss: Double?
  /// Tokens that went through the generator, over all sittings.
  public var tokens: Int
  public var seconds: Double
  public var parameters: Int
  public var interrupted: Bool
  /// The run was finished already, and nothing was done.
  public var wasFinished: Bool

  /// The run's folder without those above it.
  public var name: String { run.split(separator: "/").last.map(String.init) ?? run }

  public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
}
