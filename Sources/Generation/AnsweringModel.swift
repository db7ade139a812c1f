import Generators

/// What an engine asks of a generator: sessions, and one step over many of them.
public protocol AnsweringModel {
  var needs: SourceNeeds { get }
  /// The longest sequence.
  var positions: Int { get }
  /// The prompt's tokens that go through it before the answer.
  func embeddedPrompt(_ prompt: [Int32]) throws -> [Int32]
  /// - Parameters:
  ///   - capacity: tokens that there is room for.
  ///   - prompt: how many of them are the prompt's, whose last predicts the answer's first.
  func makeSession(capacity: Int, prompt: Int) -> any AnsweringSession
  /// Takes the next tokens of every session, with the states that come with them, and gives the logits that
  /// follow each one's last token.
  func step(
    _ pieces: [(session: any AnsweringSession, tokens: [Int32], states: [[Float]])]
  ) throws -> [[Float]]
}

/// An answer under way; only the model knows what is in it.
public protocol AnsweringSession: AnyObject {
  /// Tokens so far.
  var position: Int { get }
  /// Tokens there is room for.
  var capacity: Int { get }
  /// One that goes on from the same tokens by itself.
  func fork() -> any AnsweringSession
}

extension GeneratorSession: AnsweringSession {
  public func fork() -> any AnsweringSession { copy() }
}

/// A trained generator as an engine asks it. For one thread.
struct DecodingModel: AnsweringModel {
  let decoder: GeneratorDecoder
  private let workspace = StepWorkspace()

  init(_ decoder: GeneratorDecoder) { self.decoder = decoder }

  var needs: SourceNeeds { decoder.configuration.needs }
  var positions: Int { decoder.configuration.positions }

  func embeddedPrompt(_ prompt: [Int32]) throws -> [Int32] { try decoder.embeddedPrompt(prompt) }

  func makeSession(capacity: Int, prompt: Int) -> any AnsweringSession {
    decoder.makeSession(capacity: capacity, prompt: prompt)
  }

  func step(
    _ pieces: [(session: any AnsweringSession, tokens: [Int32], states: [[Float]])]
  ) throws -> [[Float]] {
    let own = pieces.map { piece in
      guard let session = piece.session as? GeneratorSession else {
        preconditionFailure("a session of another model")
      }
      return StepPiece(session, tokens: piece.tokens, states: piece.states)
    }
    return try decoder.step(own, workspace).map(\.logits)
  }
}
