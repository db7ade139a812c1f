import Foundation
import ModelFiles
import Testing
import Tokenization

/// WordPiece files that are hostile or ask for something else: one line each that names it.
@Suite struct WordPieceRefusalTests {
  private typealias File = WordPieceTests

  private static func model(_ members: String) -> [UInt8] {
    Array(
      (#"{"model": {"type": "WordPiece", \#(members)}, "normalizer": {"type": "BertNormalizer"}, "#
        + #""pre_tokenizer": {"type": "BertPreTokenizer"}}"#).utf8)
  }

  private static func processor(_ step: String) -> [UInt8] {
    File.json(root: #", "post_processor": \#(step)"#)
  }

  private static func template(_ single: String) -> [UInt8] {
    processor(
      #"{"type": "TemplateProcessing", "single": [\#(single)], "special_tokens": {"[CLS]": {"ids": [1]}, "[SEP]": {"ids": [2]}}}"#
    )
  }

  static let refused: [(file: [UInt8], says: String)] = [
    (model(#""unk_token": "[UNK]""#), "model.vocab is missing"),
    (model(#""vocab": []"#), "model.vocab: expected an object of tokens and ids"),
    (model(#""vocab": {"[UNK]": "0"}"#), #"model.vocab["[UNK]"]: expected an id"#),
    (model(#""vocab": {"a": 0}"#), "model.unk_token: expected a token of model.vocab"),
    (
      model(#""vocab": {"[UNK]": 0}, "unk_token": "<unk>""#),
      #"model.unk_token: expected a token of model.vocab, found "<unk>""#
    ),
    (model(#""vocab": {"[UNK]": 0}, "unk_token": 0"#), "model.unk_token: expected a string"),
    (model(#""vocab": {"[UNK]": 4294967296}"#), "expected a token id, found 4294967296"),
    (model(#""vocab": {"[UNK]": 0, "a": 9223372036854775807}"#), "an id below 2"),
    (model(#""vocab": {"[UNK]": 0, "a": -1}"#), "an id below 2, found -1"),
    (model(#""vocab": {"[UNK]": 0, "a": 0}"#), "the id 0: expected one token"),
    (
      model(#""vocab": {"[UNK]": 0}, "max_input_chars_per_word": -1"#),
      "model.max_input_chars_per_word: expected a count of characters, found -1"
    ),
    (
      model(#""vocab": {"[UNK]": 0}, "max_input_chars_per_word": 1.5"#),
      "model.max_input_chars_per_word: expected an integer"
    ),
    (
      model(#""vocab": {"[UNK]": 0}, "continuing_subword_prefix": 1"#),
      "model.continuing_subword_prefix: expected a string"
    ),
    (File.json(normalizer: "null"), "normalizer is absent"),
    (File.json(normalizer: #"{"type": "NFC"}"#), "normalizer is NFC"),
    (File.json(normalizer: #"{"type": "BertNormalizer", "lowercase": 1}"#), "normalizer.lowercase"),
    (File.json(pre: "null"), "pre_tokenizer is absent"),
    (File.json(pre: #"{"type": "Whitespace"}"#), "pre_tokenizer is Whitespace, which"),
    (File.json(pre: #"{"type": "ByteLevel"}"#), "pre_tokenizer is ByteLevel"),
    (File.json(root: #", "decoder": {"type": "ByteLevel"}"#), "decoder is ByteLevel"),
    (processor(#"{"type": "RobertaProcessing"}"#), "post_processor is RobertaProcessing"),
    (processor(#"{"type": "ByteLevel"}"#), "post_processor is ByteLevel"),
    (processor(#"{"type": "BertProcessing"}"#), "post_processor.cls is missing"),
    (
      processor(#"{"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": [2, "[SEP]"]}"#),
      "post_processor.sep: expected a token and its id"
    ),
    (
      processor(#"{"type": "BertProcessing", "cls": ["[CLS]", -1], "sep": ["[SEP]", 2]}"#),
      "post_processor.cls: expected a token id, found -1"
    ),
    (
      processor(#"{"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 99]}"#),
      "the begin and end tokens: expected ids below 8, found 99"
    ),
    (
      template(
        #"{"SpecialToken": {"id": "[CLS]"}}, {"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}}"#
      ), "post_processor.single is more than one token before or after the text"
    ),
    (
      template(#"{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[MASK]"}}"#),
      "post_processor.single is more than one token before or after the text"
    ),
  ]

  @Test(arguments: refused.indices) func refusedByName(_ index: Int) {
    let (file, says) = Self.refused[index]
    expectRefusal(says) { try Tokenizer(json: file) }
  }

  @Test(arguments: [
    (#"{"do_lower_case": false}"#, "do_lower_case is false, and true in tokenizer.json"),
    (#"{"strip_accents": false}"#, "strip_accents is false, and true in tokenizer.json"),
    (#"{"tokenize_chinese_chars": false}"#, "tokenize_chinese_chars is false, and true"),
    (#"{"add_bos_token": false}"#, "add_bos_token is false"),
    (#"{"do_lower_case": "yes"}"#, "do_lower_case: expected true or false"),
  ])
  func configurationRefusedByName(file: String, says: String) throws {
    expectRefusal(says) { try Tokenizer(json: File.json(), configJSON: Array(file.utf8)) }
  }

  @Test func aConfigurationThatSaysTheSameIsTaken() throws {
    let file =
      #"{"do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": true, "model_max_length": 512}"#
    let tokenizer = try Tokenizer(json: File.json(), configJSON: Array(file.utf8))
    #expect(try tokenizer.fingerprint == Tokenizer(json: File.json()).fingerprint)
  }

  @Test(arguments: [
    (#""unknownID":1"#, #""unknownID":99999"#, "the unknown token: expected a token of the"),
    (#""unknownID":1,"#, "", "unknownID is missing"),
    (#""preTokenizer":"bert""#, #""preTokenizer":"gpt2""#, #"preTokenizer is "gpt2""#),
    ("bert clean", "bert lowercase clean", "normalization is"),
    (#""maximumCharacters":100"#, #""maximumCharacters":-1"#, "maximumCharacters: expected"),
    (#""closingID":3"#, #""closingID":99999"#, "the begin and end tokens: expected ids below"),
    (#""beginID":2"#, #""beginID":2,"decoder":"bytes""#, #"decoder is "bytes""#),
  ])
  func serializedRefusedByName(from: String, to: String, says: String) throws {
    let bytes = try WordPieceVectorTests.tokenizer("uncased").serialized()
    let changed = String(decoding: bytes, as: UTF8.self).replacing(from, with: to)
    #expect(Array(changed.utf8) != bytes, "\(from) is in the serialized form")
    expectRefusal(says) { try Tokenizer(serialized: Array(changed.utf8)) }
  }

  // MARK: - GGUF

  private func gguf(
    tokens: [String] = ["[UNK]", "[CLS]", "[SEP]", "▁un", "able", "▁able"],
    types: [Int32] = [3, 3, 3, 1, 1, 1], more: (inout GGUFMetadata) -> Void = { _ in }
  ) throws -> Tokenizer {
    var file = GGUFMetadata()
    file.set("tokenizer.ggml.model", "bert")
    file.set("tokenizer.ggml.tokens", tokens.map { Array($0.utf8) })
    file.set("tokenizer.ggml.token_type", types)
    more(&file)
    return try Tokenizer(gguf: file.file())
  }

  @Test func ggufRefusedByName() throws {
    expectRefusal("tokenizer.ggml.unknown_token_id is missing") {
      try gguf(tokens: ["a", "[CLS]", "[SEP]", "▁un", "able", "▁able"])
    }
    expectRefusal("the unknown token: expected a token of the vocabulary, found the id 6") {
      try gguf { $0.set("tokenizer.ggml.unknown_token_id", UInt32(6)) }
    }
    expectRefusal("unknown_token_id: expected a token id, found 4294967295") {
      try gguf { $0.set("tokenizer.ggml.unknown_token_id", UInt32.max) }
    }
    expectRefusal("cls_token_id: expected an id below 6, found 6") {
      try gguf { $0.set("tokenizer.ggml.cls_token_id", UInt32(6)) }
    }
    expectRefusal("cls_token_id: expected a token of the vocabulary") {
      try gguf(tokens: ["[UNK]", "▁b", "[SEP]", "▁un", "able", "▁able"])
    }
    expectRefusal("expected 6 types") { try gguf(types: [3]) }
    expectRefusal("use a model with a WordPiece tokenizer") {
      try gguf(types: [3, 3, 3, 6, 1, 1])
    }
    expectRefusal("expected one id, found 3 and 5") {
      try gguf(tokens: ["[UNK]", "[CLS]", "[SEP]", "▁un", "able", "▁un"])
    }
  }

  @Test func ggufSaysWhatGoesAroundAText() throws {
    #expect(try gguf().encode("unable able") == [1, 3, 4, 5, 2])
    let bare = try gguf {
      $0.set("tokenizer.ggml.add_bos_token", false)
      $0.set("tokenizer.ggml.add_eos_token", false)
    }
    #expect(bare.encode("unable") == [3, 4])
    let named = try gguf {
      $0.set("tokenizer.ggml.bos_token_id", UInt32(2))
      $0.set("tokenizer.ggml.seperator_token_id", UInt32(1))
    }
    #expect(named.encode("un") == [2, 3, 1])
    // A vocabulary with capitals was made with them.
    let cased = try gguf(tokens: ["[UNK]", "[CLS]", "[SEP]", "▁Un", "able", "▁able"])
    #expect(cased.encode("Unable un") == [1, 3, 4, 0, 2])
  }

  // MARK: - Damage

  @Test(arguments: ["json", "gguf", "serialized"]) func damageIsAnErrorOrATokenizer(
    form: String
  ) throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-wordpiece-\(UInt64.random(in: .min ... .max)).gguf").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let original: [UInt8] =
      switch form {
      case "json": try TestVectors.bytes("wordpiece-odd.json")
      case "gguf": try TestVectors.bytes("wordpiece-uncased.gguf")
      default: try WordPieceVectorTests.tokenizer("odd").serialized()
      }
    var source = RandomText(seed: 9)
    var refused = 0
    for _ in 0..<400 {
      var bytes = original
      for _ in 0...source.below(3) {
        if source.below(5) == 0 {
          bytes = Array(bytes.prefix(source.below(bytes.count + 1)))
        } else if !bytes.isEmpty {
          let harm = Array("0123456789-\"[]{},:ntf\\ ".utf8)
          bytes[source.below(bytes.count)] = harm[source.below(harm.count)]
        }
      }
      do {
        let tokenizer: Tokenizer
        switch form {
        case "json": tokenizer = try Tokenizer(json: bytes)
        case "gguf":
          try Data(bytes).write(to: URL(fileURLWithPath: path))
          tokenizer = try Tokenizer(gguf: GGUFFile(path: path))
        default: tokenizer = try Tokenizer(serialized: bytes)
        }
        _ = tokenizer.text(tokenizer.encode(source.next(), special: true))
        _ = try Tokenizer(serialized: tokenizer.serialized())
      } catch {
        refused += 1
        #expect(!"\(error)".contains("\n"), "\(error)")
      }
    }
    #expect(refused > 100 && refused < 400, "damage is noticed, and not all of it is fatal")
  }

  private func expectRefusal(_ says: String, _ make: () throws -> Tokenizer) {
    let error = #expect(throws: TokenizerError.self, "\(says)") { try make() }
    let line = error?.description ?? ""
    #expect(line.contains(says), "\(line)")
    #expect(!line.contains("\n") && line.utf8.count < 700)
  }
}
