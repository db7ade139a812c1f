import ModelFiles
import Testing
import Tokenization

/// Against what Hugging Face's `tokenizers` and Python's `unicodedata` make of the same texts.
@Suite struct VectorTests {
  private struct Row: Decodable {
    let text: String
    let special: Bool
    let ids: [Int32]
  }

  private func check(_ tokenizer: Tokenizer, _ kind: String) throws {
    let vectors: [String: [Row]] = try TestVectors.decode("vectors.json")
    let rows = try #require(vectors[kind])
    #expect(rows.count == 250)
    for row in rows {
      let text = try bytes(hexadecimal: row.text)
      #expect(
        tokenizer.encode(utf8: text, special: row.special) == row.ids,
        "\(shown(text)), special tokens \(row.special ? "read" : "not read")")
    }
  }

  @Test(arguments: ["gpt2", "qwen2", "smollm", "flags"])
  func tokenizerJSONGivesTheIDsOfTokenizers(kind: String) throws {
    try check(Tokenizer(json: TestVectors.bytes("tiny-\(kind).json")), kind)
  }

  @Test(arguments: ["gpt2", "qwen2", "smollm"])
  func ggufGivesTheIDsOfTokenizers(kind: String) throws {
    try check(Tokenizer(gguf: GGUFFile(path: TestVectors.path("tiny-\(kind).gguf"))), kind)
  }

  @Test(arguments: ["gpt2", "qwen2", "smollm", "flags"])
  func serializedGivesTheIDsOfTokenizers(kind: String) throws {
    let tokenizer = try Tokenizer(json: TestVectors.bytes("tiny-\(kind).json"))
    try check(Tokenizer(serialized: tokenizer.serialized()), kind)
  }

  @Test func formCIsThatOfUnicodedata() throws {
    let tokenizer = try Tokenizer(json: TestVectors.bytes("tiny-qwen2.json"))
    let forms: [[String]] = try TestVectors.decode("nfc.json")
    #expect(forms.count > 1500)
    for form in forms {
      let (text, expected) = (try bytes(hexadecimal: form[0]), try bytes(hexadecimal: form[1]))
      #expect(tokenizer.decode(tokenizer.encode(utf8: text)) == expected, "\(shown(text))")
    }
  }
}
