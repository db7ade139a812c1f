import Foundation
import ModelFiles
import Testing
import Tokenization

/// Small SentencePiece models, against what `sentencepiece`, and `tokenizers` with the file that is
/// converted from it, make of the same texts.
@Suite struct SentencePieceVectorTests {
  private struct Vectors: Decodable {
    struct Row: Decodable {
      let text: String
      /// Whether `tokenizers` read special tokens in it; `sentencepiece` never does.
      let special: Bool
      let ids: [Int32]
      /// Where `tokenizers` gives others.
      let tokenizers: [Int32]?
      let decoded: String
      let plain: String
    }
    struct Chat: Decodable {
      let messages: [ChatMessage]
      let ids: [Int32]
    }
    let rows: [String: [Row]]
    let chats: [Chat]
  }

  static let forms = ["llama", "metaspace", "gemma", "unknown", "t5", "roberta", "plain"]
  static let models = ["llama", "gemma", "t5", "roberta", "plain"]

  static func json(_ form: String) throws -> Tokenizer {
    var json = String(decoding: try TestVectors.bytes("spm-\(form).json"), as: UTF8.self)
    if form == "t5" {
      // The map is large, and stands in the GGUF file alone.
      let map = try GGUFFile(path: TestVectors.path("spm-t5.gguf"))
        .integers("tokenizer.ggml.precompiled_charsmap").map { UInt8(truncatingIfNeeded: $0) }
      json = json.replacing("CHARSMAP", with: Data(map).base64EncodedString())
    }
    let end = #"{"eos_token": "</s>"}"#
    return try Tokenizer(json: Array(json.utf8), configJSON: Array(end.utf8))
  }

  static func gguf(_ model: String) throws -> Tokenizer {
    try Tokenizer(gguf: GGUFFile(path: TestVectors.path("spm-\(model).gguf")))
  }

  private func rows(_ form: String) throws -> [Vectors.Row] {
    let vectors: Vectors = try TestVectors.decode("sentencepiece.json")
    let rows = try #require(vectors.rows[form])
    #expect(rows.count == 100)
    return rows
  }

  /// Where `tokenizers` reads markup in a text that is not read for it, or maps characters by
  /// clusters of them and not by the longest key, what SentencePiece does is done.
  private func isRight(_ row: Vectors.Row, _ form: String) -> Bool {
    let text = (try? bytes(hexadecimal: row.text)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    func has(_ parts: [String]) -> Bool { parts.contains { text.utf8.contains($0.utf8) } }
    guard ["t5", "roberta", "plain"].contains(form) else { return true }
    return !(!row.special && has(["<s>", "</s>", "<unk>"])) && !has(["<0x41>"])
      && !(form == "roberta" && has(["ab", "e\u{301}"]))
  }

  @Test(arguments: forms) func tokenizerJSONGivesTheIDsOfTokenizers(form: String) throws {
    let tokenizer = try Self.json(form)
    let again = try Tokenizer(serialized: tokenizer.serialized())
    #expect(again.fingerprint == tokenizer.fingerprint)
    var wrong = 0
    for row in try rows(form) {
      let text = try bytes(hexadecimal: row.text)
      guard isRight(row, form) else {
        wrong += 1
        continue
      }
      for tokenizer in [tokenizer, again] {
        #expect(
          tokenizer.encode(utf8: text, special: row.special, framed: false)
            == row.tokenizers ?? row.ids,
          "\(form): \(shown(text)), special tokens \(row.special ? "read" : "not read")")
      }
    }
    #expect(wrong <= 25, "\(wrong)")
  }

  @Test(arguments: models) func ggufGivesTheIDsOfSentencePiece(model: String) throws {
    let tokenizer = try Self.gguf(model)
    let again = try Tokenizer(serialized: tokenizer.serialized())
    #expect(again.fingerprint == tokenizer.fingerprint)
    for row in try rows(model) {
      let text = try bytes(hexadecimal: row.text)
      #expect(
        tokenizer.encode(utf8: text, framed: false) == row.ids, "\(model): \(shown(text))")
      #expect(again.encode(utf8: text, framed: false) == row.ids, "\(model): \(shown(text))")
    }
  }

  @Test(arguments: forms) func decodedAsTokenizersDecodes(form: String) throws {
    let tokenizer = try Self.json(form)
    for row in try rows(form) {
      let ids = row.tokenizers ?? row.ids
      for (skips, text) in [(false, row.decoded), (true, row.plain)] {
        let expected = try bytes(hexadecimal: text)
        #expect(
          tokenizer.decode(ids, skipSpecial: skips) == expected, "\(form): \(shown(expected))")
        var stream = StreamingDetokenizer(tokenizer, skipSpecial: skips)
        let pieces = ids.map { stream.push($0) } + [stream.finish()]
        #expect(Array(pieces.joined().utf8) == expected, "\(form): \(shown(expected))")
      }
    }
  }

  @Test func oneModelHasOneFingerprintWhicheverFileItComesFrom() throws {
    for model in ["llama"] {
      #expect(try Self.json(model).fingerprint == Self.gguf(model).fingerprint)
    }
  }

  @Test func conversationsHaveTheIDsOfTheirText() throws {
    let vectors: Vectors = try TestVectors.decode("sentencepiece.json")
    #expect(vectors.chats.count == 4)
    let template = try ChatTemplate.named("phi3.5")
    for tokenizer in [try Self.json("llama"), try Self.gguf("llama")] {
      for chat in vectors.chats {
        #expect(
          try template.ids(for: chat.messages, tokenizer: tokenizer) == chat.ids,
          "\(chat.messages)")
      }
    }
  }

  /// Which of them can write, and what comes back of any text. A response is a text of its own.
  @Test(arguments: [
    ("llama", true), ("gemma", true), ("metaspace", true), ("plain", true), ("unknown", true),
    ("t5", false), ("roberta", false),
  ])
  func textComesBack(form: String, canWrite: Bool) throws {
    let tokenizer = try Self.json(form)
    #expect(tokenizer.canWriteText == canWrite)
    guard canWrite else { return }
    var source = RandomText(seed: 12)
    var count = 0
    for _ in 0..<400 {
      let text = source.next()
      let isMarked = form != "llama" && form != "gemma"
      guard tokenizer.canEncode(text), !text.unicodeScalars.contains("\u{2581}"),
        !(isMarked && text.utf8.first == UInt8(ascii: " "))
      else { continue }
      count += 1
      let ids = try PromptFormat(tokenizer).response(text).dropLast()
      #expect(tokenizer.decode(Array(ids)) == Array(text.utf8), "\(text.debugDescription)")
    }
    #expect(count > (form == "unknown" ? 0 : 300))
  }

  @Test(arguments: forms) func itsFilesAreWrittenForOtherPrograms(form: String) throws {
    let tokenizer = try Self.json(form)
    let files = try #require(tokenizer.huggingFaceFiles(jinja: nil))
    let read = try Tokenizer(json: files[0].contents, configJSON: files[1].contents)
    #expect(read.fingerprint == tokenizer.fingerprint)
    #expect(tokenizer.closingID == (form == "t5" ? 1 : nil))
    #expect(tokenizer.beginID == (form == "metaspace" ? 1 : nil))
  }

  @Test func whatHasNoTokenIsUnknownOrItsBytes() throws {
    let (llama, unknown) = (try Self.json("llama"), try Self.json("unknown"))
    #expect(llama.canEncode("a\u{10FFFF}") && !unknown.canEncode("a\u{10FFFF}"))
    #expect(unknown.encode("a\u{10FFFF}\u{10FFFE}b").filter { $0 == 0 }.count == 1)
    #expect(try PromptFormat(unknown).prompt(.raw("\u{10FFFF}")).isLossy)
    #expect(llama.missingBytes.isEmpty)
    // Ill-formed bytes are U+FFFD, one each.
    let ids = llama.encode(utf8: [0x61, 0xFF, 0x62])
    #expect(llama.text(ids) == "a\u{FFFD}b")
    // Bytes that are no text's are bytes, and held back until they are a character or none.
    let bytes = Dictionary(
      uniqueKeysWithValues: (0..<Int32(llama.vocabularySize)).filter {
        llama.piece($0).count == 1 && llama.piece($0)[llama.piece($0).startIndex] >= 0x80
      }.map { (llama.piece($0)[llama.piece($0).startIndex], $0) })
    #expect(bytes.count == 128)
    var stream = StreamingDetokenizer(llama)
    let pushed = try "👍".utf8.map { stream.push(try #require(bytes[$0])) }
    #expect(pushed == ["", "", "", "👍"])
    #expect(try stream.push(#require(bytes[0xF0])).isEmpty)
    #expect(stream.finish() == "\u{FFFD}")
  }

  /// The work is counted, as in byte-level encoding: 3n pairs at the most; a unigram model takes as
  /// many steps from a character as its longest token has bytes, and one.
  @Test(arguments: forms) func workIsLinearInTheText(form: String) throws {
    let tokenizer = try Self.json(form)
    let longest = (0..<Int32(tokenizer.vocabularySize)).map { tokenizer.piece($0).count }.max() ?? 0
    let length = 1 << 18
    var source = RandomText(seed: 3)
    let letters = String(
      decoding: (0..<length).map { _ in UInt8(97 + source.below(26)) }, as: UTF8.self)
    for text in [
      letters, String(repeating: "a", count: length), String(repeating: "the", count: length / 3),
      String(repeating: " ", count: length), String(repeating: "\u{301}\u{316}", count: length / 4),
      String(repeating: "\u{2581}", count: length / 3),
    ] {
      #expect(tokenizer.stepCount(encoding: text) <= max(9, longest + 1) * (text.utf8.count + 3))
    }
  }
}

extension Sequence<UInt8> {
  fileprivate func contains(_ other: some Collection<UInt8>) -> Bool {
    !Array(self).ranges(of: Array(other)).isEmpty
  }
}
