import Architectures
import FeatureCache
import Generation
import Generators
import Identity
import KnowledgeSource
import Tokenization

/// What an answer is to be held against: what the frozen source itself says to the question, and what the corpus
/// expects.
public struct AnswerReference: Codable, Equatable, Sendable {
  /// An answer of the source, and how many training documents it was shown before.
  public struct SourceAnswer: Codable, Equatable, Sendable {
    public var fewShot: Int
    public var text: String
  }

  /// `nil`: the source writes nothing, or could not be asked.
  public var source: SourceAnswer?
  /// `nil`: the question is none of the documents that were held out.
  public var expected: String?
}

/// Which training documents the source is shown before it is asked: those of an evaluation.
public struct SourceShots: Equatable, Sendable {
  public var count: Int
  public var seed: UInt64
  /// The cache's path.
  public var cache: String

  public init(count: Int, seed: UInt64, cache: String) {
    self.count = count
    self.seed = seed
    self.cache = cache
  }
}

/// Questions that are asked a run's generator one by one: puts beside its answer what the frozen source says, and
/// what a document that was held out from training expects.
///
/// For one thread.
public final class LiveQuestions {
  private let questions: [String]
  private let shots: SourceShots
  private let maxTokens: Int
  private let special: Bool
  private let generator: TextGenerator
  private let architectures: ArchitectureRegistry
  private let codecs: CodecRegistry
  private let warn: (String) -> Void
  /// Of the source, opened when the first question is asked; nil for one that is not asked.
  private lazy var answers = openedUnlessFailing()

  /// Opens nothing yet.
  ///
  /// - Parameters:
  ///   - special: whether special tokens spelled in a question become those tokens.
  ///   - warn: told once, in one line, why a source that could write is not asked.
  public init(
    _ questions: [String], of generator: TextGenerator, _ place: TextGenerator.Place,
    shots: SourceShots, maxTokens: Int, special: Bool, warn: @escaping (String) -> Void
  ) {
    self.questions = questions
    self.generator = generator
    self.shots = shots
    self.maxTokens = maxTokens
    self.special = special
    self.warn = warn
    architectures = place.registries.architectures
    codecs = place.codecs
  }

  public func reference(for question: String) throws -> AnswerReference {
    var reference = AnswerReference(expected: try expected(question))
    if let answers {
      reference.source = .init(
        fewShot: shots.count,
        text: try answers.source.answer(to: try document(question, stream: answers.place)))
    }
    return reference
  }

  /// A question as the cache would have it, were it asked and stored.
  private func document(_ question: String, stream: Int) throws -> CacheDocument {
    let prompt = try generator.encoded(.raw(question), special: special)[stream]
    return CacheDocument(
      split: .asked, corpus: "asked", line: 0, prompt: prompt.text, promptIDs: prompt.ids,
      response: [], responseIDs: [])
  }

  /// The run's stream in the cache that the documents are in; `nil` where that is not there any more.
  private func cache(stream: Int) -> FeatureCache? {
    try? FeatureCache.open(
      shots.cache, expecting: generator.states.streams[stream].identity, codecs: codecs)
  }

  /// The answer of the first document of the test set, or else of the validation set, that asks the same.
  private func expected(_ question: String) throws -> String? {
    for place in generator.states.streams.indices {
      guard let cache = cache(stream: place) else { continue }
      defer { try? cache.close() }
      let ids = try document(question, stream: place).promptIDs
      for split in [DocumentSplit.test, .validation] {
        for entry in try cache.documents(split) where entry.promptTokens == ids.count {
          let document = try cache.document(entry.id)
          guard document.promptIDs == ids else { continue }
          return String(decoding: document.response, as: UTF8.self)
        }
      }
      return nil
    }
    return nil
  }

  /// An answer of the generator needs neither the source nor the cache: what the comparison lacks is a warning.
  private func openedUnlessFailing() -> (place: Int, source: SourceAnswers)? {
    do {
      return try opened()
    } catch {
      warn("the source itself is not asked: \(error)")
      return nil
    }
  }

  /// The source of the first stream that can write; `nil`: none can.
  private func opened() throws -> (place: Int, source: SourceAnswers)? {
    for (place, provider) in generator.states.streams.enumerated() {
      guard try provider.sourceFolder().architecture(architectures).outputHead != nil else {
        continue
      }
      let asked = try questions.map { try document($0, stream: place) }
      let cache = shots.count > 0 ? cache(stream: place) : nil
      defer { try? cache?.close() }
      let arm = try SourceArm(
        provider, generator.formats[place].tokenizer, showing: cache, fewShot: shots.count,
        seed: shots.seed, asked: asked, architectures)
      return (place, try arm.answers(maxTokens: maxTokens))
    }
    return nil
  }
}
