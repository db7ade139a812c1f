import ModelFiles
import Testing
import Tokenization

/// What WordPiece does with small vocabularies whose answer can be read off, and what holds for
/// every text.
@Suite struct WordPieceTests {
  /// A tokenizer.json over `tokens`, with parts replaced.
  static func json(
    _ tokens: [String] = ["[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "able", "é"],
    model: String = "", normalizer: String = #"{"type": "BertNormalizer"}"#,
    pre: String = #"{"type": "BertPreTokenizer"}"#, root: String = ""
  ) -> [UInt8] {
    let vocab = tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    let text =
      #"{"model": {"type": "WordPiece", "vocab": {\#(vocab)}\#(model)}, "#
      + #""normalizer": \#(normalizer), "pre_tokenizer": \#(pre)\#(root)}"#
    return Array(text.utf8)
  }

  static let framed =
    #", "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]}"#

  @Test func theLongestTokensAreTakenFromTheBeginning() throws {
    let tokenizer = try Tokenizer(json: Self.json())
    #expect(tokenizer.encode("Unaffable") == [3, 4, 5])
    #expect(tokenizer.encode("able, unable unaff") == [6, 0, 3, 5, 3, 4])
    // What does not come out to its end is unknown as a whole.
    #expect(tokenizer.encode("unaffablex un") == [0, 3])
    #expect(tokenizer.encode("").isEmpty)
  }

  @Test func accentsGoWithTheCaseUnlessTheFileSays() throws {
    let kept = #"{"type": "BertNormalizer", "strip_accents": false}"#
    #expect(try Tokenizer(json: Self.json()).encode("É") == [0])
    #expect(try Tokenizer(json: Self.json(normalizer: kept)).encode("É") == [7])
    let cased = #"{"type": "BertNormalizer", "lowercase": false}"#
    #expect(try Tokenizer(json: Self.json(normalizer: cased)).encode("é Un") == [7, 0])
  }

  @Test func wordsOfMoreCharactersThanAllowedAreUnknown() throws {
    // Characters, not bytes: "é" has two.
    let tokens = ["[UNK]", "é", "##é"]
    let kept = #"{"type": "BertNormalizer", "strip_accents": false}"#
    for (said, limit) in [("", 100), (#", "max_input_chars_per_word": 5"#, 5)] {
      let tokenizer = try Tokenizer(json: Self.json(tokens, model: said, normalizer: kept))
      let whole = String(repeating: "é", count: limit)
      #expect(tokenizer.encode(whole) == [1] + [Int32](repeating: 2, count: limit - 1))
      #expect(tokenizer.encode(whole + "é") == [0])
    }
    let none = #", "max_input_chars_per_word": 0"#
    #expect(try Tokenizer(json: Self.json(tokens, model: none)).encode("é") == [0])
  }

  @Test func aTextIsFramedAsAWholeAndAPartOfOneIsNot() throws {
    let tokenizer = try Tokenizer(json: Self.json(root: Self.framed))
    #expect(tokenizer.beginID == 1 && tokenizer.closingID == 2)
    #expect(tokenizer.encode("un able") == [1, 3, 6, 2])
    #expect(tokenizer.encode("un able", framed: false) == [3, 6])
    let format = try PromptFormat(tokenizer)
    #expect(try format.prompt(.raw("un")).ids == [1, 3, 2])
    #expect(format.response("un") == [3])
    // A template without tokens of its own makes one text.
    let plain = try PromptFormat(tokenizer, template: "none")
    let messages = ["un", "able"].map { ChatMessage(role: "user", content: $0) }
    #expect(try plain.prompt(.messages(messages)).ids == [1, 3, 6, 2])
    let chat = try PromptFormat(tokenizer, template: "chatml")
    let error = #expect(throws: TokenizerError.self) { try chat.prompt(.raw("un")) }
    #expect(error?.description.contains("<|im_start|>") == true)
  }

  @Test func whatIsUnknownIsLossy() throws {
    let tokenizer = try Tokenizer(json: Self.json())
    #expect(tokenizer.canEncode("UNABLE un") && !tokenizer.canEncode("un x"))
    #expect(try PromptFormat(tokenizer).prompt(.raw("x")).isLossy)
    #expect(tokenizer.missingBytes.isEmpty)
  }

  @Test func itCannotWriteText() throws {
    let tokenizer = try Tokenizer(json: Self.json(root: Self.framed))
    #expect(!tokenizer.canWriteText && tokenizer.endOfTextID == nil && tokenizer.endIDs.isEmpty)
    #expect(try Tokenizer(json: TestVectors.bytes("tiny-gpt2.json")).canWriteText)
    // What people read: no tokens between the pieces of a word, a space between words.
    #expect(tokenizer.text([1, 3, 4, 5, 6, 2]) == "[CLS] unaffable able [SEP]")
    #expect(tokenizer.text([-1, 99, 3, 5]) == "unable")
    #expect(String(decoding: tokenizer.piece(4), as: UTF8.self) == "##aff")
  }

  @Test(arguments: WordPieceVectorTests.kinds) func everyPrefixEncodes(kind: String) throws {
    let tokenizer = try WordPieceVectorTests.tokenizer(kind)
    var source = RandomText(seed: 11)
    for _ in 0..<60 {
      let text = Array(source.next().utf8)
      for length in 0...text.count {
        let ids = tokenizer.encode(utf8: Array(text.prefix(length)), special: length % 2 == 0)
        #expect(ids.first == tokenizer.beginID && ids.last == tokenizer.closingID)
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains(Int($0)) })
      }
    }
  }

  @Test(arguments: WordPieceVectorTests.kinds) func streamingGivesTheWholeText(
    kind: String
  ) throws {
    let tokenizer = try WordPieceVectorTests.tokenizer(kind)
    var source = RandomText(seed: 77)
    for round in 0..<500 {
      let ids =
        round % 2 == 0
        ? tokenizer.encode(source.next(), special: true)
        : (0..<24).map { _ in Int32(source.below(tokenizer.vocabularySize + 2)) }
      for skip in [false, true] {
        var stream = StreamingDetokenizer(tokenizer, skipSpecial: skip)
        var text: [UInt8] = []
        for id in ids { text += stream.push(id).utf8 }
        text += stream.finish().utf8
        #expect(text == Array(tokenizer.text(ids, skipSpecial: skip).utf8), "\(ids)")
      }
    }
  }

  /// Every token of a word takes as many steps as the longest token has bytes, and one more,
  /// however long the words that the file allows are.
  @Test func workIsLinearInTheText() throws {
    let long = #", "max_input_chars_per_word": 9223372036854775807"#
    let tokens = ["[UNK]", "a", "##a", "##aaaaaaaz", "##é"]
    let length = 1 << 20
    for limit in ["", long] {
      let tokenizer = try Tokenizer(json: Self.json(tokens, model: limit))
      for text in [
        String(repeating: "a", count: length), String(repeating: "a ", count: length / 2),
        String(repeating: "aé", count: length / 3), String(repeating: "a.", count: length / 2),
        String(repeating: "a", count: length) + "x",
        "a" + String(repeating: "\u{301}\u{302e}\u{316}", count: length / 7),
      ] {
        #expect(tokenizer.stepCount(encoding: text) <= 10 * text.utf8.count)
      }
      #expect(
        tokenizer.encode(String(repeating: "a", count: length)).count
          == (limit.isEmpty ? 1 : length))
    }
  }
}
