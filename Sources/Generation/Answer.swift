import Tokenization

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
  var statesSeconds = 0.0
  var prefillSeconds = 0.0
  var decodeSeconds = 0.0

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
    let token = sampler.next(logits)
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

  /// Ends the answer where the generator has no position left.
  mutating func endAtLimit() { finish = finish ?? .length }

  mutating func result(_ onText: (String) -> Bool) -> GenerationResult {
    if !stops.stopped, finish != .cancelled {
      _ = show(stops.push(Array(detokenizer.finish().utf8)), onText)
      _ = show(stops.finish(), onText)
    }
    return GenerationResult(
      text: String(decoding: text, as: UTF8.self), ids: ids, promptTokens: promptTokens,
      finish: finish ?? .length, states: origin, statesSeconds: statesSeconds,
      prefillSeconds: prefillSeconds, decodeSeconds: decodeSeconds)
  }

  private mutating func show(_ bytes: [UInt8], _ onText: (String) -> Bool) -> Bool {
    guard !bytes.isEmpty else { return true }
    text += bytes
    return onText(String(decoding: bytes, as: UTF8.self))
  }
}
