import Crypto
import FeatureCache
import Foundation
import Identity
import Numerics
import Testing

/// A folder that is removed with its owner, and caches of small made-up states in it.
final class Fixture: Sendable {
  let folder: URL
  let tokenizer = Array("{\"tokenizer\": \"of the tests\"}".utf8)

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "denju-cache-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String = "cache.sqlite") -> String {
    folder.appendingPathComponent(name).path
  }

  func identity(codec: String = "int8", layer: Int = 2, width: Int = 8) -> CacheIdentity {
    CacheIdentity(
      weights: String(repeating: "ab", count: 32),
      architecture: #"{"hiddenSize":8,"ropeTheta":10000}"#,
      tokenizer: SHA256.hash(data: tokenizer).map { String(format: "%02x", $0) }.joined(),
      layer: layer,
      normalized: true, codec: codec, numerics: "test-1", width: width)
  }

  var source: CacheSource {
    CacheSource(name: "tiny", path: "/models/tiny", tokenizer: tokenizer, chatTemplate: nil)
  }

  func create(_ name: String = "cache.sqlite", _ identity: CacheIdentity? = nil) throws
    -> FeatureCache
  {
    try FeatureCache.create(path(name), identity: identity ?? self.identity(), source: source)
  }

  /// An identity of states that depend on their whole documents.
  func documentIdentity(codec: String = "int8") -> CacheIdentity {
    var identity = identity(codec: codec)
    identity.scope = .document
    return identity
  }

  /// What a source might compute: a value depends on its channel and on the ids up to its token.
  static func states(_ ids: [Int32], width: Int = 8) -> [Float] {
    var past: UInt64 = 7
    return ids.flatMap { id -> [Float] in
      past = (past ^ UInt64(bitPattern: Int64(id))) &* 0x9E37_79B9_7F4A_7C15
      return (0..<width).map { channel in
        let mixed = (past ^ UInt64(channel) &* 0xBF58_476D_1CE4_E5B9) &* 0x94D0_49BB_1331_11EB
        return Float(Int64(bitPattern: mixed) >> 32) / Float(1 << 28)
      }
    }
  }

  static func document(
    _ number: Int, tokens: Int = 10, split: DocumentSplit = .train, shared: Int = 0
  ) -> CacheDocument {
    CacheDocument(
      split: split, corpus: "corpus.jsonl", line: number + 1,
      prompt: Array("prompt \(number)".utf8),
      promptIDs: (0..<tokens).map { Int32($0 < shared ? $0 : $0 + 1000 * (number + 1)) },
      response: Array("response \(number)".utf8), responseIDs: [1, 2, Int32(number)])
  }

  static func entry(
    _ cache: FeatureCache, _ document: CacheDocument, _ coverage: Coverage = .prompt
  ) throws -> CacheEntry {
    let ids = document.ids(coverage)
    let start = try cache.cachedChunks(of: ids)
    let states = Array(Self.states(ids, width: cache.width).dropFirst(start * cache.width))
    let records = try cache.records(of: ids, from: start, states: states, place: document.place)
    return CacheEntry(document: document, coverage: coverage, records: records)
  }

  /// The states read for a document.
  static func read(_ cache: FeatureCache, _ id: DocumentID, _ coverage: Coverage = .prompt) throws
    -> [Float]
  {
    let tokens = try cache.document(id).ids(coverage).count
    var states = [Float](repeating: .nan, count: tokens * cache.width)
    _ = try states.withUnsafeMutableBufferPointer { try cache.states(of: id, coverage, into: $0) }
    return states
  }

  /// What a cache says in refusing: one line.
  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch {
      #expect(error is CacheError)
      #expect(!"\(error)".contains("\n"))
      return "\(error)"
    }
  }

  /// What stock `sqlite3` prints.
  static func sqlite3(_ path: String, _ sql: String) throws -> String {
    try run("sqlite3", [path, sql])
  }

  /// What a program prints.
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }
}

extension Fixture {
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
