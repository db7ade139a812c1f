import Tokenization

/// What an answer took.
struct AnswerSeconds {
  var states = 0.0
  var prefill = 0.0
  var decode = 0.0
}

/// An answer under way: sampling, the text so far, and whether it has ended.
struct Answer {
  private let tokenizer: Tokenizer
  private let endIDs: Set<Int32>
  private let maxTokens: Int
  private var sampler: Sampler
  private var detokenizer: StreamingDetokenizer
  private var stops: StopMatcher
  private var text: [UInt8] = []
  private(set) var ids: [Int32] = []
  private var finish: FinishReason?
  private let origin: StatesOrigin
  private let promptTokens: Int

  init(_ tokenizer: Tokenizer, _ options: SamplingOptions, origin: StatesOrigin, promptTokens: Int)
  {
    self.tokenizer = tokenizer
    self.origin = origin
    self.promptTokens = promptTokens
    endIDs = tokenizer.endIDs
    maxTokens = options.maxTokens
    sampler = Sampler(options)
    detokenizer = StreamingDetokenizer(tokenizer, skipSpecial: true)
    stops = StopMatcher(options.stop)
  }

  /// Chooses the next token from logits [V]. Returns it to be embedded, or `nil` at the answer's end.
  mutating func next(
    _ logits: UnsafeBufferPointer<Float>, _ onText: (String) -> Bool
  ) -> Int32? {
    append(sampler.next(logits), onText)
  }

  /// How many tokens end answers.
  var endCount: Int { endIDs.count }

  /// Adds a token. Returns it to be embedded, or `nil` at the answer's end.
  mutating func append(_ token: Int32, _ onText: (String) -> Bool) -> Int32? {
    if endIDs.contains(token) {
      finish = .stop
      return nil
    }
    ids.append(token)
    if !show(stops.push(Array(detokenizer.push(token).utf8)), onText) {
      finish = .cancelled
    } else if stops.stopped {
      finish = .stop
    } else if ids.count >= maxTokens {
      finish = .length
    }
    return finish == nil ? token : nil
  }

  /// Ends the answer because its reader left.
  mutating func cancel() { finish = .cancelled }

  /// Ends the answer where the generator has no position left.
  mutating func endAtLimit() { finish = finish ?? .length }

  /// - Parameter wasShown: whether `onText` was told the text as it grew; else it is told all of it now.
  mutating func result(
    _ seconds: AnswerSeconds, wasShown: Bool, _ onText: (String) -> Bool
  ) -> GenerationResult {
    if !stops.stopped, finish != .cancelled {
      let onTail = { (text: String) in wasShown ? onText(text) : true }
      _ = show(stops.push(Array(detokenizer.finish().utf8)), onTail)
      _ = show(stops.finish(), onTail)
    }
    if !wasShown, finish != .cancelled, !text.isEmpty,
      !onText(String(decoding: text, as: UTF8.self))
    {
      finish = .cancelled
    }
    return GenerationResult(
      text: String(decoding: text, as: UTF8.self), ids: ids, promptTokens: promptTokens,
      finish: finish ?? .length, states: origin, statesSeconds: seconds.states,
      prefillSeconds: seconds.prefill, decodeSeconds: seconds.decode)
  }

  private mutating func show(_ bytes: [UInt8], _ onText: (String) -> Bool) -> Bool {
    guard !bytes.isEmpty else { return true }
    text += bytes
    return onText(String(decoding: bytes, as: UTF8.self))
  }
}
