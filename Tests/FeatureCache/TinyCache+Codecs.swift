import FeatureCache
import Foundation
import Numerics
import TestSupport
import Testing

extension TinyCache {
  /// States as a small source might have them, and how its output layer reads them: a few directions vary much
  /// and are read little, as everywhere; the first state is that of many texts' first token.
  struct Sample {
    static let (width, vocabulary) = (48, 200)
    let tokens: Int
    let states: [Float]
    /// [vocabulary, width]: the same for all samples.
    static let head: [Float] = {
      var generator = SeededGenerator(seed: 11)
      return (0..<vocabulary * width).map { index in
        (index % width < 12 ? 0.05 : 0.5) * generator.normal()
      }
    }()

    init(tokens: Int, seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      let width = Self.width
      var first = SeededGenerator(seed: 1)
      let common = (0..<width).map { _ in 2 * first.normal() }
      self.tokens = tokens
      states = (0..<tokens).flatMap { token -> [Float] in
        if token % 100 == 0 { return common }
        return (0..<width).map { (channel: Int) -> Float in
          (channel < 12 ? 4 : 0.2 + 0.03 * Float(channel)) * generator.normal()
        }
      }
    }

    /// - Parameter readsOutput: whether the fit knows the output layer.
    func fitting(readsOutput: Bool) throws -> TransformFitting {
      let (width, vocabulary) = (Self.width, Self.vocabulary)
      var fisher = [Double](repeating: 0, count: width * width)
      for token in 0..<tokens {
        let p = probabilities(states, token)
        let mean = (0..<width).map { i in
          (0..<vocabulary).reduce(Float(0)) { $0 + p[$1] * Self.head[$1 * width + i] }
        }
        for (row, share) in p.enumerated() where share > 1e-3 {
          for i in 0..<width {
            let left = share * (Self.head[row * width + i] - mean[i]) / Float(tokens)
            for k in 0..<width {
              fisher[i * width + k] += Double(left * (Self.head[row * width + k] - mean[k]))
            }
          }
        }
      }
      return try TransformFitting(
        states: states, tokens: tokens, width: width,
        output: readsOutput ? TransformFitting.Output(fisher: fisher, rows: Self.head) : nil)
    }

    private func probabilities(_ states: [Float], _ token: Int) -> [Float] {
      var p = (0..<Self.vocabulary).map { row in
        (0..<Self.width).reduce(Float(0)) {
          $0 + Self.head[row * Self.width + $1] * states[token * Self.width + $1]
        }
      }
      softmax(Self.vocabulary, &p)
      return p
    }

    /// Mean Kullback-Leibler divergence of the next token's distribution, in nats.
    func divergence(of decoded: [Float]) -> Float {
      (0..<tokens).reduce(Float(0)) { sum, token in
        let (p, q) = (probabilities(states, token), probabilities(decoded, token))
        return sum
          + zip(p, q).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * log($1.0 / max($1.1, 1e-20)) : 0) }
      } / Float(tokens)
    }
  }

  static let fitting: TransformFitting = {
    do {
      return try Sample(tokens: 3000, seed: 20).fitting(readsOutput: true)
    } catch {
      fatalError("\(error)")
    }
  }()

  static let transform: TransformCodec = {
    do {
      return TransformCodec(try fitting.fit(step: 0.1, allowance: 0.01))
    } catch {
      fatalError("\(error)")
    }
  }()

  /// One of every kind.
  static let codecs: [any StateCodec] = CodecRegistry.builtIn.unfitted + [transform]

  static func codec(_ name: String) throws -> any StateCodec {
    try #require(codecs.first { $0.name == name })
  }
}
