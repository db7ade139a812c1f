import Generators
import Tokenization

/// Owns the answers under way: admits a request, steps all of them together, samples a token for each, and
/// retires those that have ended. An answer is the very one that its request would get alone.
///
/// For one thread.
public final class GenerationEngine {
  /// What is to be answered.
  public struct Request {
    /// The prompt in the tokens of each stream's source; the first one's are counted.
    public var prompts: [PromptFormat.Encoded]
    /// The prompt in the generator's tokenizer.
    public var ids: [Int32]
    public var options: SamplingOptions
    /// States to read instead of the prompt's own, a stream each; `nil`: its own.
    public var given: [[Float]]?

    /// - Precondition: there is a stream.
    public init(
      prompts: [PromptFormat.Encoded], ids: [Int32], options: SamplingOptions,
      given: [[Float]]? = nil
    ) {
      self.prompts = prompts
      self.ids = ids
      self.options = options
      self.given = given
    }
  }

  /// Names an answer under way.
  public struct AnswerID: Hashable, Sendable {
    fileprivate let number: Int
  }

  /// An answer under way, and what its next step takes.
  private struct Entry {
    let id: AnswerID
    var paths: AnswerPaths
    /// Runs the source beside the generator; nil where it does not run while decoding.
    let stepper: (any StateStepper)?
    /// Those that come with the first path's tokens, a stream each.
    var states: [[Float]]
    /// Whether they are yet to be stepped for.
    var awaitsStates = false
    /// Told the text as it grows; false ends the answer.
    let onText: (String) -> Bool
    var clock: Stopwatch
    var seconds: AnswerSeconds
    var hasBegun = false
  }

  private let model: any AnsweringModel
  private let states: any StateProviding
  private let tokenizer: Tokenizer
  private var entries: [Entry] = []
  private var admitted = 0
  /// Answers that ended while `answer` waited for another.
  private var endedMeanwhile: [(id: AnswerID, result: GenerationResult)] = []

  /// - Parameter tokenizer: of what the model writes.
  public init(
    _ model: any AnsweringModel, _ states: any StateProviding, tokenizer: Tokenizer
  ) {
    self.model = model
    self.states = states
    self.tokenizer = tokenizer
  }

  /// Answers under way.
  public var count: Int { entries.count }

  /// Takes a request: gets its states, or a document to step, and room for its answer. Nothing is decoded yet.
  ///
  /// - Parameter onText: given the answer as it grows, in whole characters, or while one is searched nothing, "";
  ///   false ends it.
  @discardableResult
  public func admit(
    _ request: Request, onText: @escaping (String) -> Bool = { _ in true }
  ) throws -> AnswerID {
    try request.options.validate()
    let own = request.prompts[0].ids
    guard !request.prompts.contains(where: \.ids.isEmpty) else { throw GenerationError.emptyPrompt }
    var clock = Stopwatch()
    let needs = model.needs
    if request.options.beams > 1, needs.steps {
      throw GenerationError.invalidOption(
        name: "beams", found: "\(request.options.beams)",
        allowed: "1 where the source runs a step for every token")
    }
    let tokens = try model.embeddedPrompt(needs.steps ? own : request.ids)
    let positions = min(model.positions, needs.steps ? try states.mostSteps() : .max)
    guard tokens.count < positions else {
      throw GenerationError.tooLong(
        tokens: tokens.count, limit: positions - 1,
        whose: needs.steps ? "source or the generator" : "generator")
    }
    // The request's own number is added to nothing: it may be any.
    let capacity = tokens.count + min(request.options.maxTokens, positions - tokens.count)
    var (given, origin) = ([[Float]](), StatesOrigin.none)
    var stepper: (any StateStepper)?
    if needs.steps {
      origin = .stepped
      let new = try states.makeStepper(capacity: capacity)
      given = try states.step([(new, tokens)])[0]
      stepper = new
    } else if needs.readsStates {
      if let others = request.given {
        (given, origin) = (others, .reused)
      } else {
        (given, origin) = try states.states(request.prompts)
      }
    }
    let answer = Answer(
      tokenizer, request.options, origin: origin, promptTokens: own.count)
    let seconds = AnswerSeconds(states: clock.lap())
    admitted += 1
    let id = AnswerID(number: admitted)
    entries.append(
      Entry(
        id: id,
        paths: AnswerPaths(
          model.makeSession(capacity: capacity, prompt: tokens.count), answer, tokens: tokens,
          width: request.options.beams),
        stepper: stepper, states: given, onText: onText, clock: clock,
        seconds: seconds))
    return id
  }

  /// Drops an answer whose reader is gone.
  public func withdraw(_ id: AnswerID) { entries.removeAll { $0.id == id } }

  /// One step of all answers, and a token for each. Gives those that have ended since it was last called. Where
  /// it throws, every answer is as before, and may be stepped again or withdrawn.
  public func step() throws -> [(id: AnswerID, result: GenerationResult)] {
    let ended = endedMeanwhile + (try advance())
    endedMeanwhile = []
    return ended
  }

  private func advance() throws -> [(id: AnswerID, result: GenerationResult)] {
    guard !entries.isEmpty else { return [] }
    try stepSources()
    var logits = try model.step(
      entries.flatMap { entry in
        entry.paths.paths.enumerated().map {
          ($1.session, $1.tokens, $0 == 0 ? entry.states : [])
        }
      })[...]
    var ended: [(AnswerID, GenerationResult)] = []
    var going: [Entry] = []
    for var entry in entries {
      if !entry.hasBegun { entry.seconds.prefill = entry.clock.lap() }
      entry.hasBegun = true
      let own = Array(logits.prefix(entry.paths.paths.count))
      logits = logits.dropFirst(own.count)
      if var answer = entry.paths.advance(own, entry.onText) {
        entry.seconds.decode = entry.clock.lap()
        ended.append(
          (entry.id, answer.result(entry.seconds, wasShown: !entry.paths.isSearched, entry.onText)))
      } else {
        entry.states = []
        entry.awaitsStates = entry.stepper != nil
        going.append(entry)
      }
    }
    entries = going
    return ended
  }

  /// The states of the tokens that were chosen, all documents together.
  private func stepSources() throws {
    var places: [Int] = []
    var pieces: [(stepper: any StateStepper, ids: [Int32])] = []
    for (place, entry) in entries.enumerated() where entry.awaitsStates {
      guard let stepper = entry.stepper else { continue }
      places.append(place)
      pieces.append((stepper, entry.paths.paths[0].tokens))
    }
    guard !pieces.isEmpty else { return }
    for (place, states) in zip(places, try states.step(pieces)) {
      entries[place].states = states
      entries[place].awaitsStates = false
    }
  }

  /// Answers one request, beside those under way; of the others, `step` gives those that end meanwhile.
  public func answer(
    _ request: Request, onText: @escaping (String) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    let id = try admit(request, onText: onText)
    while true {
      do {
        let ended = try advance()
        endedMeanwhile += ended.filter { $0.id != id }
        if let own = ended.first(where: { $0.id == id }) { return own.result }
      } catch {
        withdraw(id)
        throw error
      }
    }
  }
}
