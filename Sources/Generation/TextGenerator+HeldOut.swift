import FeatureCache
import Foundation
import GenerationModule
import Numerics
import Tokenization

extension TextGenerator {
  /// A cached document's prompt and response in the generator's tokenizer.
  public func ids(of document: CacheDocument) throws -> (prompt: [Int32], response: [Int32]) {
    guard run.hasOwnTokenizer else { return (document.promptIDs, document.responseIDs) }
    let response = String(decoding: document.response, as: UTF8.self)
    return (
      tokenizer.encode(utf8: document.prompt), try PromptFormat(tokenizer).response(response)
    )
  }

  /// `aligned`: the summed loss, in nats, of the right response tokens when the generator is fed as in
  /// decoding: at each token it has the states of the tokens so far and of none after them. Under the
  /// causal mask that is the teacher-forced loss; under the published one it is what is left without
  /// the look ahead.
  ///
  /// - Parameter states: [prompt.count + response.count, source width].
  /// - Returns: `nil` in `prompt` conditioning, where the source's states end before the response.
  public func freeRunningLoss(
    states: [Float], prompt: [Int32], response: [Int32]
  ) throws -> Double? {
    guard case .aligned(let decoder) = decoder, !prompt.isEmpty else { return nil }
    let (width, vocabulary) = (configuration.sourceWidth, configuration.vocabularySize)
    let session = decoder.makeSession(capacity: prompt.count + response.count)
    let logits = FloatBuffer(count: vocabulary)
    var loss = 0.0
    try states.withUnsafeBufferPointer { states in
      guard let base = states.baseAddress, states.count >= (prompt.count + response.count) * width
      else { return }
      try session.append(base, count: prompt.count, logits: logits.base)
      for (index, token) in response.enumerated() {
        let right = logits[Int(token)]
        loss += Double(softmax(vocabulary, logits.base) - right)
        guard index + 1 < response.count else { break }
        try session.append(base + (prompt.count + index) * width, count: 1, logits: logits.base)
      }
    }
    return loss
  }
}
