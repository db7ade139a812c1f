import Architectures
import Layers
import Numerics

/// What of a document goes through the generator, as its conditioning says.
public struct DocumentRows: Sendable {
  /// A token for each row.
  public var tokens: [Int32]
  /// Rows that predict a token, and what they predict.
  public var lossRows: [Int] = []
  public var targets: [Int32] = []
  /// The row that predicts the answer's first token; nil where no reading asks for it.
  public var answer: Int?

  public init(
    tokens: [Int32], lossRows: [Int] = [], targets: [Int32] = [], answer: Int? = nil
  ) {
    self.tokens = tokens
    self.answer = answer
    self.lossRows = lossRows
    self.targets = targets
  }
}

/// States of one stream that come with a pass, a document's one behind the other's.
public struct StreamRows {
  /// [states of all documents, width]
  public let states: Rows
  /// Which of them are each document's.
  public let parts: [Range<Int>]
}

/// Documents, or pieces of sessions, that go through a generator together.
public struct GeneratorBatch {
  public let sequences: Sequences
  /// A token for each row.
  public let tokens: [Int32]
  public let streams: [StreamRows]
  /// Rows of the batch that predict a token, and what they predict.
  public private(set) var lossRows: [Int32] = []
  public private(set) var targets: [Int32] = []
  /// The row in which each part's answer begins: the one that predicts its first token. Nil where it is not of the
  /// pass.
  public let answers: [Int?]
  /// What each part's session remembers of the states; nil where parts are whole documents.
  public let memories: [any ConditioningMemory]?

  /// Whole documents.
  init(
    _ documents: [GeneratorDocument], _ configuration: GeneratorConfiguration,
    rows: (GeneratorDocument, Int) throws(GeneratorError) -> DocumentRows, _ arena: Arena
  ) throws(GeneratorError) {
    var (tokens, lengths, answers): ([Int32], [Int], [Int?]) = ([], [], [])
    for (place, document) in documents.enumerated() {
      let part = try rows(document, place)
      let positions = configuration.backbone.maximumPositions
      guard part.tokens.count <= positions else {
        throw .document(
          place, item: "length", expected: "at most \(positions) tokens",
          found: "\(part.tokens.count)")
      }
      answers.append(part.answer.map { tokens.count + $0 })
      lossRows += part.lossRows.map { Int32(tokens.count + $0) }
      targets += part.targets
      tokens += part.tokens
      lengths.append(part.tokens.count)
    }
    self.tokens = tokens
    self.answers = answers
    sequences = Sequences(lengths: lengths)
    memories = nil
    // What is not read is not looked at either: it may be missing, or no whole rows.
    let readsStates = configuration.needs.readsStates
    streams = configuration.streams.indices.map { index in
      StreamRows(
        documents.map { readsStates ? $0.states[index] : [] },
        width: configuration.streams[index].width, arena)
    }
  }

  /// Documents of so many rows together, by whose sizes memory is counted and nothing is computed.
  init(counting size: PassSize, _ configuration: GeneratorConfiguration, _ arena: Arena) {
    sequences = Sequences(
      lengths: [size.rows] + Array(repeating: 0, count: max(size.documents - 1, 0)))
    tokens = []
    answers = sequences.parts.map { _ in nil }
    lossRows = Array(repeating: 0, count: size.lossRows)
    memories = nil
    streams = zip(size.states, configuration.streams).map { count, stream in
      StreamRows(states: arena.rows(count, stream.width), parts: [0..<count])
    }
  }

  /// Pieces of sessions, with the states that come with them.
  init(
    _ sequences: Sequences, tokens: [Int32], answers: [Int?], streams: [StreamRows],
    memories: [any ConditioningMemory]
  ) {
    self.sequences = sequences
    self.tokens = tokens
    self.answers = answers
    self.streams = streams
    self.memories = memories
  }
}

extension StreamRows {
  init(_ documents: [[Float]], width: Int, _ arena: Arena) {
    let states = arena.rows(documents.reduce(0) { $0 + $1.count } / width, width)
    var next = 0
    var parts: [Range<Int>] = []
    for values in documents {
      values.withUnsafeBufferPointer { source in
        if let base = source.baseAddress {
          states.row(next).update(from: base, count: source.count)
        }
      }
      parts.append(next..<next + values.count / width)
      next += values.count / width
    }
    self.states = states
    self.parts = parts
  }
}
