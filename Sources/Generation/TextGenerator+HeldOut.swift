import FeatureCache
import Foundation
import Generators
import Numerics
import Runs
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
    guard decoder.configuration.needs.steps, !prompt.isEmpty else { return nil }
    let (width, vocabulary) = (configuration.streams[0].width, configuration.vocabularySize)
    guard states.count >= (prompt.count + response.count) * width else {
      throw GeneratorError.document(
        0, item: "states", expected: "\(prompt.count + response.count), one a token",
        found: "\(states.count / width)")
    }
    let session = decoder.makeSession(capacity: prompt.count + response.count)
    let workspace = StepWorkspace()
    func step(_ tokens: [Int32], from position: Int) throws -> [Float] {
      let own = states[position * width..<(position + tokens.count) * width]
      return try decoder.step(
        [StepPiece(session, tokens: tokens, states: [Array(own)])], workspace)[0].logits
    }
    var logits = try step(prompt, from: 0)
    var loss = 0.0
    for (index, token) in response.enumerated() {
      let right = logits[Int(token)]
      loss += Double(
        logits.withUnsafeMutableBufferPointer { logits in
          logits.baseAddress.map { softmax(vocabulary, $0) } ?? 0
        } - right)
      guard index + 1 < response.count else { break }
      logits = try step([token], from: prompt.count + index)
    }
    return loss
  }
}
