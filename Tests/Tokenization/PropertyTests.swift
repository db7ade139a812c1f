import Foundation
import ModelFiles
import Testing
import Tokenization

/// What holds for every text.
@Suite struct PropertyTests {
  static let kinds = ["gpt2", "qwen2", "smollm"]

  private func tokenizer(_ kind: String) throws -> Tokenizer {
    try Tokenizer(json: TestVectors.bytes("tiny-\(kind).json"))
  }

  @Test(arguments: kinds) func textComesBack(kind: String) throws {
    let both = [
      try tokenizer(kind),
      try Tokenizer(gguf: GGUFFile(path: TestVectors.path("tiny-\(kind).gguf"))),
    ]
    for tokenizer in both {
      #expect(tokenizer.missingBytes.isEmpty)
      var source = RandomText(seed: 5)
      for _ in 0..<1000 {
        let text = source.next()
        let ids = tokenizer.encode(text)
        let back = tokenizer.decode(ids)
        let expected = kind == "qwen2" ? formC(text) : Array(text.utf8)
        #expect(back == expected, "\(text.debugDescription)")
        // What came back is a fixed point.
        #expect(tokenizer.encode(utf8: back) == ids, "\(text.debugDescription)")
      }
    }
  }

  @Test(arguments: kinds) func streamingGivesTheWholeText(kind: String) throws {
    let tokenizer = try tokenizer(kind)
    var source = RandomText(seed: 77)
    for round in 0..<1000 {
      // Texts, and ids that are no text's.
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

  @Test func streamingHoldsBackHalfACharacter() throws {
    let tokenizer = try tokenizer("gpt2")
    let bytes = (0...UInt8.max).map { byte in
      (0..<Int32(tokenizer.vocabularySize)).first { Array(tokenizer.piece($0)) == [byte] }
    }
    var stream = StreamingDetokenizer(tokenizer)
    let pushed = try Array("a👍".utf8).map { stream.push(try #require(bytes[Int($0)])) }
    #expect(pushed == ["a", "", "", "", "👍"])
    #expect(stream.finish().isEmpty)
    #expect(try stream.push(#require(bytes[0xF0])).isEmpty)
    #expect(try stream.push(#require(bytes[0x9F])).isEmpty)
    #expect(stream.finish() == "\u{FFFD}")
    // E0 cannot go on with 80, so neither is waited with.
    #expect(try stream.push(#require(bytes[0xE0])).isEmpty)
    #expect(try stream.push(#require(bytes[0x80])) == "\u{FFFD}\u{FFFD}")
  }

  @Test func specialTokensInTextAreText() throws {
    let tokenizer = try tokenizer("qwen2")
    let text = "a<|im_end|>b<tool_call>c"
    let plain = tokenizer.encode(text)
    #expect(!plain.contains { tokenizer.isSpecial($0) })
    #expect(plain.contains(400))  // not special: matched as everywhere
    let special = tokenizer.encode(text, special: true)
    #expect(special.filter { tokenizer.isSpecial($0) } == [2])
    #expect(tokenizer.decode(plain) == Array(text.utf8))
    #expect(tokenizer.decode(special) == Array(text.utf8))
    #expect(tokenizer.text(special, skipSpecial: true) == "ab<tool_call>c")
  }

  @Test func tokensThatAreEquivalentUnicodeStayApart() throws {
    // U+212B and U+00C5 are canonically equivalent; a vocabulary keyed by String has one of them.
    let json = #"""
      {"model": {"type": "BPE", "vocab": {"\u212b": 0, "\u00c5": 1, "A\u030a": 2}, "merges": []},
       "pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": []}
      """#
    let tokenizer = try Tokenizer(json: Array(json.utf8))
    #expect(Array(tokenizer.piece(0)) == Array("\u{212B}".utf8))
    #expect(Array(tokenizer.piece(1)) == [0xC5])
    #expect(Array(tokenizer.piece(2)) == Array("A\u{30A}".utf8))
  }

  @Test func illFormedBytesAreReplacementCharacters() throws {
    let tokenizer = try tokenizer("gpt2")
    let ids = tokenizer.encode(utf8: [0x61, 0xFF, 0xED, 0xA0, 0x80, 0x62])
    #expect(tokenizer.text(ids) == "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}b")
  }

  @Test func idsOutsideTheVocabularyAreNothing() throws {
    let tokenizer = try tokenizer("gpt2")
    #expect(tokenizer.decode([-1, .min, .max, Int32(tokenizer.vocabularySize)]).isEmpty)
    #expect(!tokenizer.isSpecial(-1) && !tokenizer.isSpecial(.max))
  }

  /// The work is counted: each byte waits once and each of the at most n - 1 joins makes at most
  /// two new pairs, so 3n pairs at the most, whatever the text.
  @Test(arguments: kinds) func workIsLinearInTheText(kind: String) throws {
    let tokenizer = try tokenizer(kind)
    let length = 1 << 20
    var source = RandomText(seed: 3)
    let letters = String(
      decoding: (0..<length).map { _ in UInt8(97 + source.below(26)) }, as: UTF8.self)
    for text in [
      letters, String(repeating: "a", count: length), String(repeating: "the", count: length / 3),
      String(repeating: " ", count: length), String(repeating: "\u{301}\u{316}", count: length / 4),
    ] {
      #expect(tokenizer.stepCount(encoding: text) <= 3 * text.utf8.count)
    }
  }
}
