import GenerationModule
import Numerics

/// Decodes in `prompt` conditioning: the states are read by cross-attention, the source does not run.
struct PromptAnswer {
  private let session: PromptSession
  private let embedded: [Int32]
  private let vocabulary: Int

  init(_ decoder: PromptDecoder, states: [Float], prompt: [Int32]) throws {
    let configuration = decoder.configuration
    embedded = try configuration.embeddedPrompt(prompt)
    guard embedded.count < configuration.positions else {
      throw GenerationError.tooLong(
        tokens: embedded.count, limit: configuration.positions - 1, whose: "generator")
    }
    session = try decoder.makeSession(states: states)
    vocabulary = configuration.vocabularySize
  }

  func write(
    _ answer: inout Answer, _ clock: inout Stopwatch, _ options: SamplingOptions,
    _ onText: (String) -> Bool
  ) throws {
    let logits = FloatBuffer(count: vocabulary)
    try session.append(embedded, logits: logits.base)
    answer.prefillSeconds = clock.lap()
    while let token = answer.next(
      UnsafeBufferPointer(start: logits.base, count: vocabulary), onText)
    {
      guard session.position < session.capacity else {
        answer.endAtLimit()
        break
      }
      try session.append([token], logits: logits.base)
    }
    answer.decodeSeconds = clock.lap()
  }
}
