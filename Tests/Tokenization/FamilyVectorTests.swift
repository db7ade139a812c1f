import ModelFiles
import Testing
import Tokenization

/// Byte-level tokenizers of Llama 3, Mistral Nemo and GPT-NeoX, in little, against what
/// `tokenizers` makes of the same texts.
@Suite struct FamilyVectorTests {
  private struct Row: Decodable {
    let text: String
    let special: Bool
    let ids: [Int32]
  }

  static let families = ["llama3", "tekken", "neox"]

  private static func json(_ family: String) throws -> Tokenizer {
    try Tokenizer(
      json: TestVectors.bytes("family-\(family).json"),
      configJSON: Array(#"{"eos_token": "<|eot_id|>"}"#.utf8))
  }

  private static func gguf(_ family: String) throws -> Tokenizer {
    try Tokenizer(gguf: GGUFFile(path: TestVectors.path("family-\(family).gguf")))
  }

  @Test(arguments: families) func idsAreThoseOfTokenizers(family: String) throws {
    let vectors: [String: [Row]] = try TestVectors.decode("families.json")
    let rows = try #require(vectors[family])
    #expect(rows.count == 250)
    let json = try Self.json(family)
    for tokenizer in [
      json, try Self.gguf(family), try Tokenizer(serialized: json.serialized()),
    ] {
      for row in rows {
        let text = try bytes(hexadecimal: row.text)
        #expect(
          tokenizer.encode(utf8: text, special: row.special, framed: false) == row.ids,
          "\(shown(text)), special tokens \(row.special ? "read" : "not read")")
      }
    }
  }

  @Test(arguments: families) func oneTokenizerHasOneFingerprint(family: String) throws {
    let json = try Self.json(family)
    #expect(try json.fingerprint == Self.gguf(family).fingerprint)
    #expect(json.beginID == (family == "neox" ? nil : json.specialID("<|begin_of_text|>")))
    let files = try #require(json.huggingFaceFiles(jinja: nil))
    let read = try Tokenizer(json: files[0].contents, configJSON: files[1].contents)
    #expect(read.fingerprint == json.fingerprint)
  }

  @Test(arguments: families) func textComesBack(family: String) throws {
    let tokenizer = try Self.json(family)
    var source = RandomText(seed: 5)
    for _ in 0..<500 {
      let text = source.next()
      let expected = family == "neox" ? formC(text) : Array(text.utf8)
      #expect(
        tokenizer.decode(tokenizer.encode(text, framed: false)) == expected,
        "\(text.debugDescription)")
    }
  }

  @Test(arguments: families) func workIsLinearInTheText(family: String) throws {
    let tokenizer = try Self.json(family)
    let length = 1 << 18
    for unit in ["aB", "A\u{301}", "1", " ", "\n", "!/", "東", "\u{301}"] {
      let text = String(repeating: unit, count: length / unit.utf8.count)
      #expect(tokenizer.stepCount(encoding: text) <= 3 * text.utf8.count)
    }
  }
}
