import Foundation
import ModelFiles
import Testing
import Tokenization

/// SentencePiece files that are hostile or mean something else: one line each that names it.
@Suite struct SentencePieceRefusalTests {
  private static func json(
    vocab: String = #"{"<unk>": 0, "▁": 1, "a": 2, "▁a": 3}"#, merges: String = #"["▁ a"]"#,
    model: String = "", normalizer: String = "null", pre: String = metaspace,
    decoder: String = "null", root: String = ""
  ) -> [UInt8] {
    Array(
      (#"{"model": {"type": "BPE", "vocab": \#(vocab), "merges": \#(merges), "unk_token": "<unk>", "#
        + #""fuse_unk": true\#(model)}, "normalizer": \#(normalizer), "pre_tokenizer": \#(pre), "#
        + #""decoder": \#(decoder)\#(root)}"#).utf8)
  }

  private static let metaspace =
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}"#

  private static func unigram(
    _ vocab: String = #"[["<unk>", 0], ["▁", -1], ["a", -2.5]]"#, model: String = #", "unk_id": 0"#,
    normalizer: String = "null", decoder: String = "null"
  ) -> [UInt8] {
    Array(
      (#"{"model": {"type": "Unigram", "vocab": \#(vocab)\#(model)}, "normalizer": \#(normalizer), "#
        + #""pre_tokenizer": \#(metaspace), "decoder": \#(decoder)}"#).utf8)
  }

  private static func replace(_ pattern: String, _ content: String) -> String {
    #"{"type": "Replace", "pattern": \#(pattern), "content": "\#(content)"}"#
  }

  static let refused: [(file: [UInt8], says: String)] = [
    (
      json(vocab: #"{"▁": 0, "a": 1, "▁a": 2}"#), "model.unk_token: expected a token of model.vocab"
    ),
    (json(vocab: "[]"), "model.vocab: expected an object"),
    (json(merges: #"["▁ b"]"#), #"merge 0: expected tokens of the vocabulary, found "b""#),
    (json(merges: #"["a a"]"#), #"no "aa" in the vocabulary"#),
    (json(merges: #"["▁ a", "▁ a"]"#), "merge 1: expected every merge once"),
    (json(merges: "3"), "model.merges: expected an array"),
    (json(model: #", "dropout": 0.5"#), "model.dropout is 0.5"),
    (json(model: #", "end_of_word_suffix": "</w>""#), "model.end_of_word_suffix"),
    (json(model: #", "byte_fallback": 1"#), "model.byte_fallback: expected true or false"),
    (json(normalizer: #"{"type": "NFKC"}"#), "normalizer is NFKC"),
    (json(normalizer: #"{"type": "Prepend", "prepend": "_"}"#), "normalizer is Prepend with"),
    (json(normalizer: replace(#"{"String": "x"}"#, "y")), "normalizer is Replace with"),
    (json(normalizer: replace(#"{"Regex": "x"}"#, "")), "normalizer is Replace with"),
    (json(pre: #"{"type": "Metaspace", "replacement": "_"}"#), "pre_tokenizer is Metaspace with"),
    (
      json(pre: #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "last"}"#),
      "pre_tokenizer is Metaspace with"
    ),
    (
      json(
        pre:
          #"{"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}]}"#
      ),
      "pre_tokenizer is WhitespaceSplit, Metaspace with"
    ),
    (
      json(pre: #"{"type": "Split", "pattern": {"String": "-"}, "behavior": "Isolated"}"#),
      "pre_tokenizer is Split with"
    ),
    (json(pre: #"{"type": "Whitespace"}"#), "pre_tokenizer is Whitespace"),
    (json(decoder: #"{"type": "BPEDecoder"}"#), "decoder is BPEDecoder"),
    (json(decoder: replace(#"{"String": "_"}"#, " ")), "decoder is Replace with"),
    (
      json(
        decoder:
          #"{"type": "Sequence", "decoders": [\#(replace(#"{"String": "▁"}"#, " ")), {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 2}]}"#
      ),
      "decoder.decoders[2] is Strip with"
    ),
    (
      json(root: #", "post_processor": {"type": "RobertaProcessing"}"#),
      "post_processor is RobertaProcessing"
    ),
    (unigram("{}"), "model.vocab: expected an array"),
    (unigram(#"[["a"]]"#), "model.vocab[0]: expected a token and its score"),
    (unigram(#"[["a", "b"]]"#), "model.vocab[0]: expected a token and its score"),
    (unigram(#"[["a", 0], ["a", -1]]"#), "expected one id, found 0 and 1"),
    (unigram(model: #", "unk_id": 3"#), "the unknown token: expected a token of the vocabulary"),
    (unigram(model: #", "unk_id": -1"#), "model.unk_id: expected a token id"),
    (unigram(decoder: #"{"type": "Metaspace", "replacement": "_"}"#), "decoder.replacement is"),
    (unigram(normalizer: #"{"type": "Precompiled"}"#), "precompiled_charsmap is missing"),
    (
      unigram(normalizer: #"{"type": "Precompiled", "precompiled_charsmap": "!"}"#),
      "expected a precompiled map of characters"
    ),
  ]

  @Test(arguments: refused.indices) func refusedByName(_ index: Int) {
    let (file, says) = Self.refused[index]
    let error = #expect(throws: TokenizerError.self, "\(says)") { try Tokenizer(json: file) }
    expectLine(error, says)
  }

  @Test func aPrefixThatIsNotPutIsRefused() throws {
    let (with, without) = (
      Self.json(), Self.json(normalizer: Self.replace(#"{"String": " "}"#, "▁"), pre: "null")
    )
    for (json, said) in [(with, false), (without, true)] {
      let config = #"{"add_prefix_space": \#(said)}"#
      let error = #expect(throws: TokenizerError.self) {
        try Tokenizer(json: json, configJSON: Array(config.utf8))
      }
      expectLine(error, "add_prefix_space is \(said)")
      let right = #"{"add_prefix_space": \#(!said)}"#
      let tokenizer = try Tokenizer(json: json, configJSON: Array(right.utf8))
      #expect(tokenizer.encode("a") == [said ? 2 : 3])
      // What a decoder takes away must have been put there.
      #expect(tokenizer.canWriteText == !said)
    }
  }

  // MARK: - GGUF

  private func gguf(
    model: String = "llama", scores: [Float]? = [0, -1, -2, 0],
    types: [Int32] = [2, 1, 1, 6], unknown: UInt32 = 0,
    more: (inout GGUFMetadata) -> Void = { _ in }
  ) throws -> Tokenizer {
    var file = GGUFMetadata()
    file.set("tokenizer.ggml.model", model)
    file.set("tokenizer.ggml.tokens", ["<unk>", "▁", "a", "<0x41>"].map { Array($0.utf8) })
    file.set("tokenizer.ggml.token_type", types)
    if let scores { file.set("tokenizer.ggml.scores", scores) }
    file.set("tokenizer.ggml.unknown_token_id", unknown)
    more(&file)
    return try Tokenizer(gguf: file.file())
  }

  private func expectRefusal(_ says: String, _ make: () throws -> Tokenizer) {
    expectLine(#expect(throws: TokenizerError.self, "\(says)") { try make() }, says)
  }

  @Test func ggufRefusedByName() throws {
    for model in ["llama", "t5"] {
      #expect(
        try gguf(model: model) { $0.set("tokenizer.ggml.add_eos_token", false) }.encode("a b")
          == [1, 2, 1, 0])
      expectRefusal("tokenizer.ggml.scores") { try gguf(model: model, scores: nil) }
      expectRefusal("expected 4 scores, one a token, found 3") {
        try gguf(model: model, scores: [0, 0, 0])
      }
      for score in [Float.nan, .infinity, -.infinity] {
        expectRefusal("tokenizer.ggml.scores[2]: expected a number") {
          try gguf(model: model, scores: [0, 0, score, 0])
        }
      }
      expectRefusal("unknown_token_id") {
        try gguf(model: model, unknown: 4)
      }
      expectRefusal("bos_token_id: expected an id below 4, found 9") {
        try gguf(model: model) {
          $0.set("tokenizer.ggml.add_bos_token", true)
          $0.set("tokenizer.ggml.bos_token_id", UInt32(9))
        }
      }
    }
    expectRefusal("add_eos_token is true") {
      try gguf { $0.set("tokenizer.ggml.add_eos_token", true) }
    }
    expectRefusal("treat_whitespace_as_suffix is true") {
      try gguf(model: "t5") { $0.set("tokenizer.ggml.treat_whitespace_as_suffix", true) }
    }
  }

  /// They are no text's, however many there are: with a search of all for each these would take minutes.
  @Test func manyUnusedTokensAreReadAtOnce() throws {
    let count = 200_000
    var (tokens, types): ([String], [Int32]) = (["<unk>", "▁"], [2, 1])
    for number in 0..<count {
      tokens.append("x\(number)")
      types.append(5)
    }
    tokens.append("a")
    types.append(1)
    var file = GGUFMetadata()
    file.set("tokenizer.ggml.model", "t5")
    file.set("tokenizer.ggml.tokens", tokens.map { Array($0.utf8) })
    file.set("tokenizer.ggml.token_type", types)
    file.set("tokenizer.ggml.scores", [Float](repeating: -1, count: tokens.count))
    file.set("tokenizer.ggml.unknown_token_id", UInt32(0))
    file.set("tokenizer.ggml.add_eos_token", false)
    let gguf = try file.file()
    // By a search a token, this took minutes.
    let tokenizer = try Tokenizer(gguf: gguf)
    let last = Int32(count + 2)
    #expect(tokenizer.encode("a x7") == [1, last, 1, 0])
    #expect(tokenizer.encode("x7", special: true).contains(9))
  }

  @Test func aMapOfWhatAreNoBytesIsRefused() throws {
    for value in [Int32(256), 300, -129, .max, .min] {
      expectRefusal("precompiled_charsmap[1]: expected a byte, found \(value)") {
        try gguf(model: "t5") {
          $0.set("tokenizer.ggml.precompiled_charsmap", [0, value, 255, -128])
        }
      }
    }
    // Bytes, but no map.
    expectRefusal("expected a precompiled map of characters") {
      try gguf(model: "t5") {
        $0.set("tokenizer.ggml.precompiled_charsmap", [Int32(0), -128, 255])
      }
    }
  }

  // MARK: - Maps of characters

  /// A map with `units` set among 512, and `replacements`.
  private func map(
    _ units: [Int: UInt32], count: Int = 512, replacements: [UInt8] = Array("b\0".utf8),
    size: UInt32? = nil
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: UInt32) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    append(size ?? UInt32(count * 4))
    for index in 0..<count { append(units[index] ?? 0) }
    return bytes + replacements
  }

  private func normalized(_ map: [UInt8]) throws -> Tokenizer {
    let text = Data(map).base64EncodedString()
    return try Tokenizer(
      json: Self.unigram(
        #"[["<unk>", 0], ["▁", -1], ["a", -2], ["b", -3]]"#,
        normalizer: #"{"type": "Precompiled", "precompiled_charsmap": "\#(text)"}"#))
  }

  /// A root whose children are at 256, and its child for "a", 0x61, at 256 XOR 0x61.
  private static let root: UInt32 = 256 << 10
  private static let leaf: UInt32 = 1 << 8

  @Test func aMapIsReadAsItIs() throws {
    // "a" ends a key; its leaf is at 0x161 XOR 1.
    let units: [Int: UInt32] = [0: Self.root, 0x161: 0x61 | Self.leaf | 1 << 10, 0x160: 1 << 31]
    #expect(try normalized(map(units)).encode("ac") == [1, 3, 0])
    // And goes on: "ab" becomes nothing, the empty text at 1.
    let longer: [Int: UInt32] = [
      0: Self.root, 0x161: 0x61 | Self.leaf | 2 << 10, 0x163: 1 << 31,
      0x101: 0x62 | Self.leaf | 4 << 10, 0x105: 1 << 31 | 1,
    ]
    #expect(try normalized(map(longer)).encode("aab") == [1, 3])
  }

  @Test func mapsThatLeadAstrayAreRefused() throws {
    let ends: [Int: UInt32] = [0: Self.root, 0x161: 0x61 | Self.leaf | 1 << 10, 0x160: 1 << 31]
    var beyond = ends
    beyond[0x160] = 1 << 31 | 2
    // Back to where it came from, and to a node a byte on that leads back.
    let circle: [Int: UInt32] = [0: Self.root, 0x161: 0x61 | 0x61 << 10]
    let detour: [Int: UInt32] = [0: Self.root, 0x161: 0x61 | 0x21 << 10, 0x121: 0x61 | 0x21 << 10]
    for (name, bytes) in [
      ("empty", []), ("three bytes", [1, 2, 3]), ("no replacements", map(ends, replacements: [])),
      ("not ended", map(ends, replacements: [0x62])),
      ("not UTF-8", map(ends, replacements: [0xFF, 0])),
      ("beyond the replacements", map(beyond)),
      ("a size beyond the end", map(ends, size: .max - 3)), ("an odd size", map(ends, size: 5)),
      ("no units", map([:], count: 0)), ("a circle", map(circle)), ("a detour", map(detour)),
    ] {
      let error = #expect(throws: TokenizerError.self, "\(name)") { try normalized(bytes) }
      expectLine(error, "normalizer.precompiled_charsmap: expected a precompiled map of characters")
    }
  }

  private func expectLine(_ error: TokenizerError?, _ says: String) {
    let line = error?.description ?? ""
    #expect(line.contains(says), "\(line)")
    #expect(!line.contains("\n") && line.utf8.count < 700)
  }
}
