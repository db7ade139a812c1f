import Crypto
import FeatureCache
import Foundation
import Identity

/// A folder for caches of small made-up states, whose every value follows from the tokens.
package final class TinyCache: Sendable {
  package let folder: TemporaryFolder
  package let tokenizer: [UInt8]

  /// - Parameter tokenizer: the tokenizer's text, which caches keep; `nil`: one that reads nothing.
  package init(tokenizer: [UInt8]? = nil) throws {
    folder = try TemporaryFolder()
    self.tokenizer = tokenizer ?? Array("{\"tokenizer\": \"of the tests\"}".utf8)
  }

  package func path(_ name: String = "cache.sqlite") -> String { folder.path(name) }

  package func identity(codec: String = "int8", layer: Int = 2, width: Int = 8) -> CacheIdentity {
    CacheIdentity(
      weights: String(repeating: "ab", count: 32),
      architecture: #"{"hiddenSize":8,"ropeTheta":10000}"#,
      tokenizer: SHA256.hash(data: tokenizer).map { String(format: "%02x", $0) }.joined(),
      layer: layer, normalized: true, codec: codec, numerics: "test-1", width: width)
  }

  package var source: CacheSource {
    CacheSource(name: "tiny", path: "/models/tiny", tokenizer: tokenizer, chatTemplate: nil)
  }

  package func create(
    _ name: String = "cache.sqlite", _ identity: CacheIdentity? = nil
  ) throws -> FeatureCache {
    try FeatureCache.create(path(name), identity: identity ?? self.identity(), source: source)
  }

  /// What a source might compute: a value depends on its channel and on the ids up to its token.
  package static func states(_ ids: [Int32], width: Int = 8) -> [Float] {
    var past: UInt64 = 7
    return ids.flatMap { id -> [Float] in
      past = (past ^ UInt64(bitPattern: Int64(id))) &* 0x9E37_79B9_7F4A_7C15
      return (0..<width).map { channel in
        let mixed = (past ^ UInt64(channel) &* 0xBF58_476D_1CE4_E5B9) &* 0x94D0_49BB_1331_11EB
        return Float(Int64(bitPattern: mixed) >> 32) / Float(1 << 28)
      }
    }
  }

  /// A document by its number, whose first `shared` tokens are those of every other.
  package static func document(
    _ number: Int, tokens: Int = 10, split: DocumentSplit = .train, shared: Int = 0
  ) -> CacheDocument {
    CacheDocument(
      split: split, corpus: "corpus.jsonl", line: number + 1,
      prompt: Array("prompt \(number)".utf8),
      promptIDs: (0..<tokens).map { Int32($0 < shared ? $0 : $0 + 1000 * (number + 1)) },
      response: Array("response \(number)".utf8), responseIDs: [1, 2, Int32(number)])
  }

  /// A document with its made-up states, but for those of chunks that the cache has.
  package static func entry(
    _ cache: FeatureCache, _ document: CacheDocument, _ coverage: Coverage = .prompt
  ) throws -> CacheEntry {
    let ids = document.ids(coverage)
    let start = try cache.storedTokens(of: ids)
    let states = Array(Self.states(ids, width: cache.width).dropFirst(start * cache.width))
    let records = try cache.records(of: ids, from: start, states: states, place: document.place)
    return CacheEntry(document: document, coverage: coverage, records: records)
  }

  /// The states read for a document.
  package static func read(
    _ cache: FeatureCache, _ id: DocumentID, _ coverage: Coverage = .prompt
  ) throws -> [Float] {
    let tokens = try cache.document(id).ids(coverage).count
    var states = [Float](repeating: .nan, count: tokens * cache.width)
    _ = try states.withUnsafeMutableBufferPointer { try cache.states(of: id, coverage, into: $0) }
    return states
  }
}
