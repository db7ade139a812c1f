import FeatureCache
import GenerationModule
import KnowledgeSource
import Numerics
import Tokenization

/// Decodes in `aligned` conditioning: the source runs a step for every token, and its states, through the
/// codec, are the generator's input.
struct AlignedAnswer {
  private let decoder: AlignedDecoder
  private let provider: StateProvider

  init(_ decoder: AlignedDecoder, _ provider: StateProvider) {
    self.decoder = decoder
    self.provider = provider
  }

  func write(
    _ prompt: PromptFormat.Encoded, _ answer: inout Answer, _ clock: inout Stopwatch,
    _ options: SamplingOptions, _ onText: (String) -> Bool
  ) throws {
    let source = try provider.source()
    let width = source.width
    let capacity = min(
      prompt.ids.count + options.maxTokens, decoder.configuration.positions,
      source.maximumPositions)
    guard prompt.ids.count < capacity else {
      throw GenerationError.tooLong(
        tokens: prompt.ids.count, limit: capacity - 1, whose: "source or the generator")
    }
    let steps = try source.makeSession(
      capacity: capacity, layer: provider.identity.layer, normalized: provider.identity.normalized)
    let states = FloatBuffer(count: prompt.ids.count * width)
    try steps.append(prompt.ids, into: states.base)
    try provider.roundTrip(states.base, count: prompt.ids.count)
    answer.statesSeconds = clock.lap()

    let session = decoder.makeSession(capacity: capacity)
    let vocabulary = decoder.configuration.vocabularySize
    let logits = FloatBuffer(count: vocabulary)
    try session.append(states.base, count: prompt.ids.count, logits: logits.base)
    answer.prefillSeconds = clock.lap()
    while let token = answer.next(
      UnsafeBufferPointer(start: logits.base, count: vocabulary), onText)
    {
      guard session.position < capacity else {
        answer.endAtLimit()
        break
      }
      try steps.append([token], into: states.base)
      try provider.roundTrip(states.base, count: 1)
      try session.append(states.base, count: 1, logits: logits.base)
    }
    answer.decodeSeconds = clock.lap()
  }
}
