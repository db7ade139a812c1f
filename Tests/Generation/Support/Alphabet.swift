import Generation
import Generators
import Identity
import TestSupport
import Testing
import Tokenization

/// A model that says the alphabet: after a letter the one `stride` letters on, and at the alphabet's end the end
/// token. The stride is the first state that it is given; without states it is 1.
///
/// So what is asked of it can be answered in one's head: from "v" with stride 2 it says "xz" and ends.
final class Alphabet: AnsweringModel {
  /// What one answer has so far.
  final class Session: AnsweringSession {
    let capacity: Int
    fileprivate(set) var position = 0
    fileprivate var stride = 1
    /// The states that came with each of its steps.
    fileprivate(set) var states: [[[Float]]] = []

    init(capacity: Int) { self.capacity = capacity }

    func fork() -> any AnsweringSession {
      let other = Session(capacity: capacity)
      (other.position, other.stride, other.states) = (position, stride, states)
      return other
    }
  }

  struct Failure: Error {}

  let needs: SourceNeeds
  let positions: Int
  /// The step, from 1, that fails, once.
  var failingStep: Int?
  /// How many sessions each step was of.
  private(set) var batches: [Int] = []
  private(set) var sessions: [Session] = []
  private let letters: [Int32]
  private let end: Int32
  private let vocabulary: Int

  init(
    _ tokenizer: Tokenizer, positions: Int = 64,
    needs: SourceNeeds = SourceNeeds(coverage: .prompt, steps: false, readsStates: true)
  ) throws {
    self.needs = needs
    self.positions = positions
    letters = try "abcdefghijklmnopqrstuvwxyz".map { letter in
      let ids = tokenizer.encode(String(letter), framed: false)
      return try #require(ids.count == 1 ? ids[0] : nil)
    }
    end = try #require(tokenizer.endOfTextID)
    vocabulary = tokenizer.vocabularySize
  }

  func embeddedPrompt(_ prompt: [Int32]) -> [Int32] { prompt }

  func makeSession(capacity: Int, prompt: Int) -> any AnsweringSession {
    let session = Session(capacity: capacity)
    sessions.append(session)
    return session
  }

  func step(
    _ pieces: [(session: any AnsweringSession, tokens: [Int32], states: [[Float]])]
  ) throws -> [[Float]] {
    batches.append(pieces.count)
    if batches.count == failingStep { throw Failure() }
    return try pieces.map { piece in
      let session = try #require(piece.session as? Session)
      session.position += piece.tokens.count
      session.states.append(piece.states)
      #expect(session.position <= session.capacity)
      if needs.steps {
        // A state comes with every token, and is its own.
        #expect(piece.states == [piece.tokens.map { Float($0) }])
      } else if let stride = piece.states.first?.first {
        session.stride = Int(stride)
      }
      var logits = [Float](repeating: 0, count: vocabulary)
      logits[Int(next(after: piece.tokens[piece.tokens.count - 1], session.stride))] = 4
      return logits
    }
  }

  private func next(after token: Int32, _ stride: Int) -> Int32 {
    guard let place = letters.firstIndex(of: token), place + stride < letters.count else {
      return end
    }
    return letters[place + stride]
  }
}

/// States that stand in for a source's: a prompt's are its stride, which is how many words it has; a stepped
/// token's is its number.
final class Strides: StateProviding {
  private final class Stepper: StateStepper {
    let capacity: Int
    var count = 0
    init(capacity: Int) { self.capacity = capacity }
  }

  struct Failure: Error {}

  /// Prompts whose states were asked for.
  private(set) var asked: [String] = []
  /// How many documents each step was of.
  private(set) var batches: [Int] = []
  /// The step, from 1, that fails, once.
  var failingStep: Int?
  var positions = 64

  func states(
    _ prompts: [PromptFormat.Encoded]
  ) throws -> (values: [[Float]], origin: StatesOrigin) {
    let text = String(decoding: prompts[0].text, as: UTF8.self)
    asked.append(text)
    return ([[Float(text.split(separator: " ").count)]], .recomputed)
  }

  func mostSteps() -> Int { positions }

  func makeStepper(capacity: Int) -> any StateStepper { Stepper(capacity: capacity) }

  func step(_ pieces: [(stepper: any StateStepper, ids: [Int32])]) throws -> [[[Float]]] {
    batches.append(pieces.count)
    if batches.count == failingStep { throw Failure() }
    return try pieces.map { piece in
      let stepper = try #require(piece.stepper as? Stepper)
      stepper.count += piece.ids.count
      #expect(stepper.count <= stepper.capacity)
      return [piece.ids.map { Float($0) }]
    }
  }
}
