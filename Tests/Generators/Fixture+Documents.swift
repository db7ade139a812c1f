import Generators
import Numerics
import TestSupport

extension Fixture {
  /// A document with as many states in its first stream as said, and two more in each that follows.
  static func promptDocument(
    states: Int, prompt: Int, response: Int, seed: UInt64,
    streams: [StreamShape] = [StreamShape(width: sourceWidth)]
  ) -> GeneratorDocument {
    var generator = SeededGenerator(seed: seed)
    let values = streams.enumerated().map { number, stream in
      (0..<(states + 2 * number) * stream.width).map { _ in generator.normal() }
    }
    return GeneratorDocument(
      states: values, prompt: generator.tokens(prompt), response: generator.tokens(response))
  }

  static func alignedDocument(prompt: Int, response: Int, seed: UInt64) -> GeneratorDocument {
    promptDocument(states: prompt + response, prompt: prompt, response: response, seed: seed)
  }

  /// Documents of unlike lengths, longer than the window, for either conditioning.
  static func documents(_ configuration: GeneratorConfiguration) -> [GeneratorDocument] {
    guard configuration.isPrompt else {
      return [
        alignedDocument(prompt: 4, response: 9, seed: 1),
        alignedDocument(prompt: 1, response: 1, seed: 2),
        alignedDocument(prompt: 6, response: 5, seed: 3),
      ]
    }
    return [(7, 4, 9), (1, 1, 1), (3, 6, 5)].enumerated().map { place, sizes in
      promptDocument(
        states: sizes.0, prompt: sizes.1, response: sizes.2, seed: UInt64(place + 1),
        streams: configuration.streams)
    }
  }
}
