import Crypto
import Foundation
import ModelFiles
import Testing
import Tokenization

/// WordPiece against what Hugging Face's `tokenizers` makes of the same texts.
@Suite struct WordPieceVectorTests {
  private struct Row: Decodable {
    let text: String
    let special: Bool
    let ids: [Int32]
    let decoded: String
    let plain: String
  }

  static let kinds = ["uncased", "cased", "odd"]

  static func tokenizer(_ kind: String) throws -> Tokenizer {
    try Tokenizer(json: TestVectors.bytes("wordpiece-\(kind).json"))
  }

  private func check(_ tokenizer: Tokenizer, _ kind: String) throws {
    let vectors: [String: [Row]] = try TestVectors.decode("wordpiece.json")
    let rows = try #require(vectors[kind])
    #expect(rows.count == 160)
    for row in rows {
      let text = try bytes(hexadecimal: row.text)
      #expect(
        tokenizer.encode(utf8: text, special: row.special) == row.ids,
        "\(shown(text)), special tokens \(row.special ? "read" : "not read")")
      let within = tokenizer.encode(utf8: text, special: row.special, framed: false)
      #expect(within == Array(row.ids.dropFirst().dropLast()))
      for (hexadecimal, skips) in [(row.decoded, false), (row.plain, true)] {
        let decoded = tokenizer.decode(row.ids, skipSpecial: skips)
        #expect(shown(decoded) == shown(try bytes(hexadecimal: hexadecimal)), "\(row.ids)")
      }
    }
  }

  @Test(arguments: kinds) func tokenizerJSON(kind: String) throws {
    try check(Self.tokenizer(kind), kind)
  }

  @Test(arguments: kinds) func serialized(kind: String) throws {
    let tokenizer = try Self.tokenizer(kind)
    let again = try Tokenizer(serialized: tokenizer.serialized())
    #expect(again.serialized() == tokenizer.serialized())
    #expect(again.fingerprint == tokenizer.fingerprint)
    try check(again, kind)
  }

  @Test func gguf() throws {
    let gguf = try Tokenizer(gguf: GGUFFile(path: TestVectors.path("wordpiece-uncased.gguf")))
    try check(gguf, "uncased")
    #expect(try gguf.fingerprint == Self.tokenizer("uncased").fingerprint)
  }

  @Test func whatChangesIDsChangesTheFingerprint() throws {
    let json = String(decoding: try TestVectors.bytes("wordpiece-uncased.json"), as: UTF8.self)
    var fingerprints: Set<String> = [try Self.tokenizer("uncased").fingerprint]
    for (from, to) in [
      (#""clean_text":true"#, #""clean_text":false"#),
      (#""handle_chinese_chars":true"#, #""handle_chinese_chars":false"#),
      (#""strip_accents":null"#, #""strip_accents":false"#),
      (#""lowercase":true"#, #""lowercase":false"#),
      (#""max_input_chars_per_word":100"#, #""max_input_chars_per_word":99"#),
      (###""continuing_subword_prefix":"##""###, #""continuing_subword_prefix":"@""#),
      (#""unk_token":"[UNK]""#, #""unk_token":"[PAD]""#),
      (#""ids":[3]"#, #""ids":[4]"#),
    ] {
      let changed = json.replacing(from, with: to)
      #expect(changed != json, "\(from) is in the file")
      fingerprints.insert(try Tokenizer(json: Array(changed.utf8)).fingerprint)
    }
    #expect(fingerprints.count == 9)
  }

  /// Every scalar, between two letters: cleaned, decomposed, lowered and cut as there.
  @Test(arguments: kinds) func scalars(kind: String) throws {
    let digests: [String: [String]] = try TestVectors.decode("wordpiece-scalars.json")
    let expected = try #require(digests[kind])
    let tokenizer = try Self.tokenizer(kind)
    let starts =
      Array(stride(from: UInt32(0), to: 0x40000, by: 4096)) + [0xE0000, 0xE1000, 0xF0000, 0x10F000]
    #expect(expected.count == starts.count)
    for (start, digest) in zip(starts, expected) {
      var text = String.UnicodeScalarView()
      for scalar in (start..<(start + 4096)).compactMap(Unicode.Scalar.init) {
        text.append(contentsOf: ["a", scalar, "b", " "])
      }
      let words = tokenizer.words(of: String(text)).joined(separator: "\n")
      let found = SHA256.hash(data: Array(words.utf8)).prefix(8)
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      #expect(found == digest, "the scalars from U+\(String(start, radix: 16, uppercase: true))")
    }
  }

  /// Where accents are stripped, what is left is in the order of form D: U+1D16E has a lower
  /// class than U+302E, and both are spacing marks. An accent is no bar between them, unless its
  /// class is 0, as U+0E31's. By `tokenizers`, too.
  @Test(arguments: [
    ("a\u{302E}\u{1D16E}b", "a\u{1D16E}\u{302E}b"),
    ("a\u{302E}\u{301}\u{1D16E}b", "a\u{1D16E}\u{302E}b"),
    ("a\u{302E}\u{E31}\u{1D16E}b", "a\u{302E}\u{1D16E}b"),
    ("a\u{302E}\u{302F}\u{1D165}", "a\u{1D165}\u{302E}\u{302F}"),
  ])
  func whatIsLeftOfAnAccentedTextIsOrdered(text: String, ordered: String) throws {
    let words = try Self.tokenizer("uncased").words(of: text)
    // As bytes: strings that are canonically equivalent are equal.
    #expect(words.map { Array($0.utf8) } == [Array(ordered.utf8)])
  }
}
