import FeatureCache
import Identity
import Numerics
import TestSupport

/// Caches of made-up states that carry their documents' answers, or do not.
struct ProbeCache {
  let fixture: TinyCache
  let path: String

  init() throws {
    fixture = try TinyCache()
    path = fixture.path()
  }

  /// A document whose answer is one of three, by its number.
  struct Item {
    let number: Int
    var split = DocumentSplit.train
    var answer: String

    init(_ number: Int, _ split: DocumentSplit = .train, answer: String? = nil) {
      self.number = number
      self.split = split
      self.answer = answer ?? ["red", "green", "blue"][number % 3]
    }

    var document: CacheDocument {
      CacheDocument(
        split: split, corpus: "corpus.jsonl", line: number + 1, prompt: Array("\(number)".utf8),
        promptIDs: [Int32(number % 7), Int32(number), 3], response: Array(" \(answer)\n".utf8),
        responseIDs: [Int32(number % 3)])
    }
  }

  /// 60 training rows and 30 to score.
  static let items = (0..<60).map { Item($0) } + (60..<90).map { Item($0, .validation) }

  /// Adds a stream of noise in which the last token's state has the answer's direction, `size` long.
  ///
  /// - Parameters:
  ///   - isConstant: whether every state is the same instead.
  ///   - tokenizer: what its source's tokenizer is called; `nil`: the fixture's.
  ///   - writes: how its source writes a document that was given as a conversation; `nil`: one that was not.
  func add(
    layer: Int, size: Float = 0, items: [Item] = items, coverage: Coverage = .prompt,
    isConstant: Bool = false, tokenizer: String? = nil, writes: ((Int) -> String)? = nil
  ) throws {
    let fixture = try tokenizer.map { try TinyCache(tokenizer: Array("{\"is\": \"\($0)\"}".utf8)) }
    let identity = (fixture ?? self.fixture).identity(codec: "float32", layer: layer)
    let cache = try FeatureCache.create(
      path, identity: identity, source: (fixture ?? self.fixture).source, beside: true)
    for item in items {
      var document = item.document
      if let writes {
        document.form = .messages
        document.givenPrompt = document.prompt
        document.prompt = Array(writes(item.number).utf8)
      }
      var generator = SeededGenerator(seed: UInt64(item.number * 64 + layer))
      let ids = document.ids(coverage)
      var states = (0..<ids.count * 8).map { _ in isConstant ? 1 : generator.normal() }
      states[2 * 8 + item.number % 3] += size
      let records = try cache.records(of: ids, from: 0, states: states, place: document.place)
      try cache.put([CacheEntry(document: document, coverage: coverage, records: records)])
    }
    try cache.close()
  }
}
