import Corpora
import FeatureCache
import Foundation
import Numerics
import Precompute
import TestSupport
import Testing

/// A folder with a source of random weights and SmolLM2's manner of tokens, removed afterwards.
final class Fixture {
  static let (width, positions, layers) = (32, 256, 2)

  private let folder: TemporaryFolder
  private let source: TinySource

  init() throws {
    folder = try TemporaryFolder()
    source = try TinySource(
      folder.path("source"),
      TinyShape(
        width: Self.width, inner: 48, layers: Self.layers, heads: 2, keyValueHeads: 1,
        vocabulary: 401, positions: Self.positions),
      spread: 0.2, seed: 5, hasTemplate: false)
  }

  func path(_ name: String) -> String { folder.path(name) }
  func write(_ name: String, _ text: String) throws { try folder.write(name, text) }

  /// Texts that begin alike: a few system prompts, openings below them, and some that are beginnings of
  /// others or occur twice.
  func writeCorpus(_ name: String, rows: Int, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func draw(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
    let words = ["red", "blue", "the", "city", "of", "and", "seven", "water", "runs", "slowly"]
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[draw(words.count)] }.joined(separator: " ")
    }
    let systems = (0..<3).map { text(12 + 9 * $0) }
    var prompts: [String] = []
    for _ in 0..<rows {
      switch draw(6) {
      case 0 where !prompts.isEmpty: prompts.append(prompts[draw(prompts.count)])
      case 1 where !prompts.isEmpty:
        let other = prompts[draw(prompts.count)].split(separator: " ")
        prompts.append(other.prefix(1 + draw(other.count)).joined(separator: " "))
      case 2: prompts.append(text(1 + draw(20)))
      default: prompts.append(systems[min(draw(5), 2)] + " " + text(1 + draw(12)))
      }
    }
    let lines = try prompts.enumerated().map { index, prompt in
      String(
        decoding: try JSONEncoder().encode(["prompt": prompt, "response": " \(index)"]),
        as: UTF8.self)
    }
    try write(name, lines.joined(separator: "\n") + "\n")
  }

  func options(_ corpus: String, cache: String) throws -> PrecomputeOptions {
    var options = PrecomputeOptions(
      source: source.path, cache: path(cache),
      corpus: .hashed(
        try Corpus(path(corpus)), try HashSplit(seed: 1, validation: 0.05, test: 0.05)))
    options.codec = try CodecRegistry.builtIn.choice("float32")
    return options
  }

  /// Precomputes to the end, or until `stop` passes are done.
  @discardableResult
  func run(_ options: PrecomputeOptions, stop: Int = .max) throws -> PrecomputeReport {
    var passes = 0
    return try Precompute(options).run { _, _ in
      passes += 1
    } shouldStop: {
      passes > stop
    }
  }

  func digest(_ cache: String) throws -> String {
    let cache = try FeatureCache.open(path(cache))
    defer { try? cache.close() }
    #expect(try cache.verify().isEmpty)
    return try cache.contentDigest()
  }
}
