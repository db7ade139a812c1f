import Layers
import Numerics

/// A trained generator, its weights packed for decoding. Any number of sessions may run beside each other.
public final class GeneratorDecoder: Sendable {
  public let configuration: GeneratorConfiguration
  let network: GeneratorNetwork
  let weights: Weights
  /// Owns what `weights` points to.
  private let parameters: ParameterSet

  /// - Precondition: `generator` is not trained while the decoder lives.
  public init(_ generator: Generator) {
    configuration = generator.configuration
    network = generator.network
    parameters = generator.parameters
    weights = generator.parameters.weights.packed(for: network.layout)
  }

  /// The prompt's tokens that a session begins with.
  public func embeddedPrompt(_ prompt: [Int32]) throws(GeneratorError) -> [Int32] {
    try configuration.conditioning.embeddedPrompt(prompt)
  }

  /// - Parameters:
  ///   - capacity: tokens that will go through it at most; the generator's positions if nil.
  ///   - prompt: how many tokens the prompt has that the generator embeds: its last one predicts the answer's
  ///     first. Nil where the first step takes all of them.
  public func makeSession(capacity: Int? = nil, prompt: Int? = nil) -> GeneratorSession {
    let positions = configuration.positions
    return GeneratorSession(
      self, capacity: min(max(capacity ?? positions, 1), positions), prompt: prompt)
  }
}

/// An answer under way: keys and values of the tokens so far, and what is remembered of the states.
/// Not shared between threads.
public final class GeneratorSession {
  let decoder: GeneratorDecoder
  public let capacity: Int
  let memory: KeyValueMemory
  let conditioning: any ConditioningMemory
  private let prompt: Int?
  /// Tokens so far.
  public fileprivate(set) var ids: [Int32] = []

  fileprivate init(_ decoder: GeneratorDecoder, capacity: Int, prompt: Int?) {
    self.decoder = decoder
    self.prompt = prompt
    self.capacity = capacity
    memory = KeyValueMemory(
      heads: decoder.network.backbone.heads, capacity: capacity,
      layers: decoder.network.backbone.blocks.count)
    conditioning = decoder.network.conditioning.makeMemory(capacity: capacity)
  }

  private init(copying other: GeneratorSession) {
    decoder = other.decoder
    capacity = other.capacity
    memory = other.memory.copy(positions: other.ids.count)
    conditioning = other.conditioning.copy()
    prompt = other.prompt
    ids = other.ids
  }

  /// Another session of the same tokens, which goes on by itself.
  public func copy() -> GeneratorSession { GeneratorSession(copying: self) }

  /// How many tokens there are so far.
  public var position: Int { ids.count }

  /// The position in which the answer begins, where the next step takes `count` tokens; nil if that was before.
  fileprivate func answerPosition(nextCount count: Int) -> Int? {
    if let prompt { return prompt - 1 }
    return position == 0 ? count - 1 : nil
  }
}

/// Memory for the values of a step, kept for the next one.
public final class StepWorkspace {
  let arena = Arena()
  public init() {}
}

/// What goes through a session in one step, and what is asked of it.
public struct StepPiece {
  public let session: GeneratorSession
  /// The next tokens: a prompt, a piece of one, or the token that was chosen last.
  public let tokens: [Int32]
  /// The states that come with them, a stream each: in `prompt` all of the prompt's at the first step and
  /// none after; in `aligned` one a token.
  public let states: [[Float]]
  /// Which of the tokens' logits are wanted, by their place in `tokens`: the last one's, or none while a
  /// prompt is taken in pieces, or several to be scored.
  public let logits: [Int]
  /// Whether the mean gates of the bridge are wanted.
  public let gates: Bool
  /// Whether the weights of the bridge's cross-attention are wanted.
  public let attention: Bool

  public init(
    _ session: GeneratorSession, tokens: [Int32], states: [[Float]] = [], logits: [Int]? = nil,
    gates: Bool = false, attention: Bool = false
  ) {
    self.session = session
    self.tokens = tokens
    self.states = states
    self.logits = logits ?? [tokens.count - 1]
    self.gates = gates
    self.attention = attention
  }
}

/// What a step gives of one piece.
public struct StepResult {
  /// [asked for, vocabulary], in the order asked.
  public var logits: [Float]
  /// The mean of each bridge layer's gate over the piece's rows; empty unless asked for.
  public var meanGates: [Float]
  /// [bridge layer][stream]: what the piece's tokens read; empty unless asked for.
  public var attention: [[AttentionWeights]]
}

extension GeneratorDecoder {
  /// One step over many sessions, together: each gets the very bits that it would get alone. Where it throws,
  /// every session is as before.
  ///
  /// - Parameters:
  ///   - workspace: memory for the step's values, kept from step to step; of one step at a time.
  ///   - shouldStop: asked before each layer; true ends the step, which throws `stopped`.
  /// - Precondition: the sessions are different ones of this decoder.
  public func step(
    _ pieces: [StepPiece], _ workspace: StepWorkspace = StepWorkspace(),
    shouldStop: () -> Bool = { false }
  ) throws(GeneratorError) -> [StepResult] {
    precondition(
      Set(pieces.map { ObjectIdentifier($0.session) }).count == pieces.count
        && pieces.allSatisfy { $0.session.decoder === self },
      "sessions of one step must differ and must be of this decoder")
    do throws(GeneratorError) {
      for (place, piece) in pieces.enumerated() { try check(piece, place: place) }
      let results = try run(pieces, workspace.arena, shouldStop: shouldStop)
      for piece in pieces {
        piece.session.ids += piece.tokens
        network.conditioning.commit(piece.session.conditioning)
      }
      return results
    } catch {
      for piece in pieces { network.conditioning.forgetStep(piece.session.conditioning) }
      throw error
    }
  }

  private func run(
    _ pieces: [StepPiece], _ arena: Arena, shouldStop: () -> Bool
  ) throws(GeneratorError) -> [StepResult] {
    arena.reset()
    let pass = Pass(weights, arena)
    let (batch, firsts) = batch(pieces, arena)
    let backbone = network.backbone
    let stream = arena.rows(batch.sequences.count, backbone.width)
    var results = pieces.map { _ in StepResult(logits: [], meanGates: [], attention: []) }
    func note(
      gates: (Range<Int>) -> [Float], attention: (Int, Range<Int>) -> [[AttentionWeights]]
    ) {
      for (place, piece) in pieces.enumerated() {
        let rows = batch.sequences.parts[place].rows
        if piece.gates { results[place].meanGates += gates(rows) }
        if piece.attention {
          results[place].attention += attention(place, firsts[place]..<rows.upperBound)
        }
      }
    }
    arena.scratch {
      let entry = network.conditioning.entryTrace(batch, arena)
      network.conditioning.enter(stream, batch, BackboneAccess(backbone: backbone), entry, pass)
      note(
        gates: { network.conditioning.entryGates(entry, rows: $0) },
        attention: { network.conditioning.entryAttention(entry, batch, part: $0, rows: $1) })
    }
    for index in backbone.blocks.indices {
      if shouldStop() { throw .stopped }
      arena.scratch {
        let reading = network.conditioning.layerTrace(batch, arena)
        let layer = GeneratorNetwork.LayerRun(
          reading: reading,
          mixed: reading == nil ? nil : arena.rows(stream.count, backbone.width),
          block: backbone.blocks[index].trace(rows: stream.count, arena), output: stream)
        network.step(index, input: stream, layer, batch, pass)
        if let reading {
          note(
            gates: { network.conditioning.layerGates(index, reading, rows: $0) },
            attention: {
              network.conditioning.layerAttention(index, reading, batch, part: $0, rows: $1)
            })
        }
      }
    }
    addLogits(&results, pieces, firsts, stream, pass)
    return results
  }

  private func check(_ piece: StepPiece, place: Int) throws(GeneratorError) {
    let session = piece.session
    try GeneratorDocument.check(
      piece.tokens, vocabulary: configuration.vocabularySize, document: place)
    guard !piece.tokens.isEmpty else {
      throw .document(place, item: "tokens", expected: "at least one", found: "none")
    }
    guard piece.tokens.count <= session.capacity - session.position else {
      throw .positionsExhausted(limit: session.capacity)
    }
    for index in piece.logits where !piece.tokens.indices.contains(index) {
      throw .document(
        place, item: "logits", expected: "places of its \(piece.tokens.count) tokens",
        found: "\(index)")
    }
    let states = piece.states.isEmpty ? configuration.streams.map { _ in [] } : piece.states
    try network.conditioning.remember(
      states, tokens: piece.tokens.count, streams: configuration.streams, session.conditioning)
  }

  /// The rows of all pieces, and where each piece's own tokens begin among them.
  private func batch(_ pieces: [StepPiece], _ arena: Arena) -> (GeneratorBatch, [Int]) {
    var (tokens, parts, firsts): ([Int32], [Sequences.Part], [Int]) = ([], [], [])
    var answers: [Int?] = []
    var states = configuration.streams.map { _ in [[Float]]() }
    for piece in pieces {
      let session = piece.session
      let first = network.conditioning.firstPosition(session.position)
      let rows = session.ids[first...] + piece.tokens
      let answer = session.answerPosition(nextCount: piece.tokens.count).map { $0 - first }
      answers.append(
        answer.flatMap { rows.indices.count > $0 && $0 >= 0 ? tokens.count + $0 : nil })
      parts.append(
        Sequences.Part(
          rows: tokens.count..<tokens.count + rows.count,
          own: StoredKeys(session.memory, count: first)))
      firsts.append(tokens.count + rows.count - piece.tokens.count)
      tokens += rows
      let own = network.conditioning.statesOfStep(session.conditioning, position: session.position)
      for stream in states.indices { states[stream].append(own[stream]) }
    }
    let streams = zip(states, configuration.streams).map { states, stream in
      StreamRows(states, width: stream.width, arena)
    }
    let batch = GeneratorBatch(
      Sequences(parts), tokens: tokens, answers: answers, streams: streams,
      memories: pieces.map(\.session.conditioning))
    return (batch, firsts)
  }

  private func addLogits(
    _ results: inout [StepResult], _ pieces: [StepPiece], _ firsts: [Int], _ stream: Rows,
    _ pass: Pass
  ) {
    let rows = zip(pieces, firsts).flatMap { piece, first in
      piece.logits.map { Int32(first + $0) }
    }
    let vocabulary = network.backbone.head.vocabulary
    let chosen = pass.arena.rows(rows.count, stream.width)
    let logits = pass.arena.rows(rows.count, vocabulary)
    gatherRows(chosen, stream, indices: rows)
    if !rows.isEmpty { network.backbone.head.logits(logits, chosen, pass) }
    var next = 0
    for (place, piece) in pieces.enumerated() {
      results[place].logits = Array(
        UnsafeBufferPointer(start: logits.row(next), count: piece.logits.count * vocabulary))
      next += piece.logits.count
    }
  }
}
