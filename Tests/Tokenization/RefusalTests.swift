import ModelFiles
import Testing
import Tokenization

/// Files that are hostile or mean something else: one line each that names what is wrong.
@Suite struct RefusalTests {
  /// A tokenizer.json with one part replaced.
  private static func json(
    vocab: String = #"{"a": 0, "b": 1, "ab": 2}"#, merges: String = #"["a b"]"#,
    model: String = "", root: String = "", pre: String = #"{"type": "ByteLevel"}"#
  ) -> String {
    #"{"model": {"type": "BPE", "vocab": \#(vocab), "merges": \#(merges)\#(model)}, "#
      + #""pre_tokenizer": \#(pre)\#(root)}"#
  }

  private static func added(_ tokens: String) -> String { #", "added_tokens": [\#(tokens)]"# }

  static let refused: [(file: String, says: String)] = [
    ("", "end of the text"),
    ("{}", "model is missing"),
    ("[1]", "expected an object"),
    (#"{"model": 3}"#, "model: expected an object"),
    (String(repeating: "[", count: 100_000), "nesting"),
    (#"{"model": {"type": "WordLevel"}}"#, "model.type is WordLevel"),
    (#"{"model": {"type": "BPE", "merges": []}}"#, "model.vocab is missing"),
    (#"{"model": {"type": "BPE", "vocab": {}}}"#, "model.merges is missing"),
    (json(vocab: #"{"a": 0, "a": 1}"#), "every key once"),
    (json(vocab: #"{"a": 0, "b": 0}"#), "the id 0: expected one token"),
    (json(vocab: #"{"a": 0, "b": 2}"#), "an id below 2"),
    (json(vocab: #"{"a": -1, "b": 0}"#), "an id below 2, found -1"),
    (json(vocab: #"{"a": 9223372036854775807, "b": 0}"#), "an id below 2"),
    (json(vocab: #"{"a": 1.5, "b": 0}"#), "expected an id"),
    (json(vocab: "[]"), "model.vocab: expected an object"),
    (
      json(vocab: #"{"a": 0, "b": 2, "ab": 3}"#, root: added(#"{"id": 7, "content": "x"}"#)),
      "the id 1: expected a token, found a hole"
    ),
    (json(merges: #"["a c"]"#), #"merge 0: expected tokens of the vocabulary, found "c""#),
    (json(merges: #"["b a"]"#), #"no "ba" in the vocabulary"#),
    (json(merges: #"["a b", "a b"]"#), "merge 1: expected every merge once"),
    (json(merges: #"["ab"]"#), "model.merges[0]: expected two tokens"),
    (json(merges: #"["a b c"]"#), "model.merges[0]: expected two tokens"),
    (json(merges: #"[["a", 1]]"#), "model.merges[0]: expected two tokens"),
    (json(merges: "{}"), "model.merges: expected an array"),
    (json(model: #", "dropout": 0.1"#), "model.dropout is 0.1"),
    (json(model: #", "continuing_subword_prefix": "\#u{0023}#""#), "continuing_subword_prefix"),
    (json(model: #", "end_of_word_suffix": "</w>""#), "end_of_word_suffix"),
    (json(model: #", "byte_fallback": true"#), "model.byte_fallback"),
    (json(model: #", "unk_token": "a""#), "model.unk_token"),
    (json(root: #", "normalizer": {"type": "NFKC"}"#), "normalizer is NFKC"),
    (
      json(
        root:
          #", "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip"}]}"#
      ),
      "normalizer is NFC, Strip"
    ),
    (json(pre: "null"), "pre_tokenizer is absent"),
    (json(pre: #"{"type": "Metaspace"}"#), "pre_tokenizer is Metaspace"),
    (json(pre: #"{"type": "ByteLevel", "add_prefix_space": true}"#), "add_prefix_space is true"),
    (json(pre: #"{"type": "ByteLevel", "use_regex": false}"#), "pre_tokenizer is ByteLevel with"),
    (
      json(
        pre:
          #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false}]}"#
      ),
      "pre_tokenizer is Split, ByteLevel with"
    ),
    (
      json(root: #", "post_processor": {"type": "BertProcessing"}"#),
      "post_processor is BertProcessing"
    ),
    (
      json(
        root:
          #", "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "a"}}], "special_tokens": {"a": {"ids": [0]}}}"#
      ),
      "more than one token before the text"
    ),
    (json(root: #", "decoder": {"type": "WordPiece"}"#), "decoder is WordPiece"),
    (json(root: added(#"{"content": "x"}"#)), "added_tokens[0].id is missing"),
    (json(root: added(#"{"id": 0}"#)), "added_tokens[0].content is missing"),
    (json(root: added(#"{"id": -5, "content": "x"}"#)), "expected a token id, found -5"),
    (json(root: added(#"{"id": 4294967296, "content": "x"}"#)), "expected a token id"),
    (json(root: added(#"{"id": 99, "content": "x"}"#)), "an id below 3"),
    (json(root: added(#"{"id": 3, "content": ""}"#)), "a text of its own"),
    (
      json(root: added(#"{"id": 3, "content": "x"}, {"id": 4, "content": "x"}"#)),
      "a text of its own"
    ),
    (
      json(root: added(#"{"id": 3, "content": "x"}, {"id": 3, "content": "y"}"#)),
      #"the id 3: expected one added token, found "x" and "y""#
    ),
    (
      json(root: added(#"{"id": 0, "content": "x"}"#)),
      #"the added token "x": expected the id of that token, found 0, which is "a""#
    ),
  ]

  @Test(arguments: refused.indices) func refusedByName(_ index: Int) {
    let (file, says) = Self.refused[index]
    let error = #expect(throws: TokenizerError.self, "\(file.prefix(200))") {
      try Tokenizer(json: Array(file.utf8))
    }
    expectLine(error, says)
  }

  @Test(arguments: [
    (
      #"{"eos_token": "<nowhere>"}"#,
      #"eos_token: expected a token of the vocabulary, found "<nowhere>""#
    ),
    (#"{"eos_token": 5}"#, "eos_token: expected an object"),
    (#"{"eos_token": {}}"#, "eos_token.content is missing"),
    (#"{"add_prefix_space": true}"#, "add_prefix_space is true"),
    (#"{"add_eos_token": true}"#, "add_eos_token is true"),
    (#"{"added_tokens_decoder": {"x": {"content": "y"}}}"#, "a token id as key"),
    (#"{"added_tokens_decoder": {"9": {"content": "y"}}}"#, "an id below 3"),
    (#"{"chat_template": 3}"#, "chat_template: expected a string"),
    ("nonsense", "tokenizer_config.json"),
  ])
  func configurationRefusedByName(file: String, says: String) {
    let error = #expect(throws: TokenizerError.self) {
      try Tokenizer(json: Array(Self.json().utf8), configJSON: Array(file.utf8))
    }
    expectLine(error, says)
  }

  @Test func acceptedAsMeaningless() throws {
    _ = try Tokenizer(json: Array(Self.json().utf8))
    for text in [
      Self.json(model: #", "dropout": 0.0, "continuing_subword_prefix": "", "fuse_unk": true"#),
      Self.json(merges: ##"["#version: 0.2", "a b"]"##),
      Self.json(root: #", "normalizer": {"type": "Sequence", "normalizers": []}"#),
      Self.json(root: #", "truncation": {"max_length": 1}, "padding": null"#),
    ] {
      let tokenizer = try Tokenizer(json: Array(text.utf8))
      #expect(tokenizer.encode("ab") == [2])
    }
  }

  @Test func beginComesFromThePostProcessorUnlessTheConfigurationSays() throws {
    let template =
      #", "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [3]}}}]}"#
    let json = Array(
      Self.json(root: Self.added(#"{"id": 3, "content": "<s>", "special": true}"#) + template).utf8)
    #expect(try Tokenizer(json: json).encode("ab") == [3, 2])
    #expect(try Tokenizer(json: json).encode("ab", framed: false) == [2])
    let off = Array(#"{"add_bos_token": false, "bos_token": "<s>"}"#.utf8)
    #expect(try Tokenizer(json: json, configJSON: off).encode("ab") == [2])
  }

  @Test func wholeWordsComeBeforeMergesWhereTheFileSaysSo() throws {
    let vocab = #"{"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5}"#
    for (flag, ids) in [("false", [3, 2] as [Int32]), ("true", [5])] {
      let tokenizer = try Tokenizer(
        json: Array(
          Self.json(
            vocab: vocab, merges: #"["a b", "b c"]"#, model: #", "ignore_merges": \#(flag)"#
          )
          .utf8))
      #expect(tokenizer.encode("abc") == ids)
      #expect(try Tokenizer(serialized: tokenizer.serialized()).encode("abc") == ids)
    }
  }

  private func expectLine(_ error: TokenizerError?, _ says: String) {
    let line = error?.description ?? ""
    #expect(line.contains(says), "\(line)")
    #expect(!line.contains("\n") && line.utf8.count < 700)
  }
}
