import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenization

/// The tokenizers of GPT-2, Qwen2 and SmolLM2 as published, against vectors made elsewhere.
@Suite(.enabled(if: TestVectors.hasTokenizers, "no published tokenizers are here"))
struct PublishedTokenizerTests {
  struct Published: CustomTestStringConvertible, Sendable {
    let name: String
    let pre: String
    let end: String
    /// Of the `tokenizer.json`, as the program wrote it before there was more than one kind of
    /// tokenizer.
    let fingerprint: String

    var testDescription: String { name }

    func json() throws -> [UInt8] {
      try TestVectors.contents("\(Checkout.tokenizers)/\(name)/tokenizer.json")
    }

    /// From `tokenizer.json` and from the same in GGUF.
    func tokenizers() throws -> [Tokenizer] {
      let json = try json()
      let gguf = try GGUFMetadata(tokenizerJSON: json, pre: pre, end: end).file()
      return [try Tokenizer(json: json), try Tokenizer(gguf: gguf)]
    }
  }

  static let all = [
    Published(
      name: "gpt2", pre: "gpt-2", end: "<|endoftext|>",
      fingerprint: "e998d693f8e05decb69820d0550afd3fbf905c7c1b1f9b6430062abd117dea63"),
    Published(
      name: "qwen2", pre: "qwen2", end: "<|endoftext|>",
      fingerprint: "eaa9086676cbb7cf9ffef76ff5128f6675982a27d258328904b6452b29ea22da"),
    Published(
      name: "smollm2", pre: "smollm", end: "<|endoftext|>",
      fingerprint: "1c65aa03188c2833e103477132c608edc36e93fecdb2f64f5496976002926ec8"),
  ]

  @Test(arguments: all) func itsFilesAreWrittenForOtherPrograms(_ published: Published) throws {
    let tokenizer = try published.tokenizers()[1]
    let files = try #require(tokenizer.huggingFaceFiles(jinja: nil))
    let read = try Tokenizer(json: files[0].contents, configJSON: files[1].contents)
    #expect(read.fingerprint == tokenizer.fingerprint)
  }

  @Test(arguments: all) func oneTokenizerHasOneFingerprintWhicheverFileItComesFrom(
    _ published: Published
  ) throws {
    let tokenizers = try published.tokenizers()
    #expect(tokenizers[0].fingerprint == published.fingerprint)
    #expect(tokenizers[0].fingerprint == tokenizers[1].fingerprint)
    let again = try Tokenizer(serialized: tokenizers[0].serialized())
    #expect(again.fingerprint == tokenizers[0].fingerprint)
  }

  @Test(arguments: all.prefix(2)) func vectorsOfLlamaCpp(_ published: Published) throws {
    let vectors = try TestVectors.llamaCpp("\(published.name)/vectors")
    #expect(vectors.count > 40)
    for tokenizer in try published.tokenizers() {
      for (text, expected) in vectors {
        #expect(tokenizer.encode(text) == expected, "\(text.debugDescription)")
      }
    }
  }

  @Test(arguments: all) func textComesBack(_ published: Published) throws {
    for tokenizer in try published.tokenizers() {
      let missing = Set(tokenizer.missingBytes)
      var source = RandomText(seed: 31)
      for _ in 0..<1500 {
        let text = source.next()
        let whole = published.name == "qwen2" ? formC(text) : Array(text.utf8)
        // SmolLM2 has no tokens for a few bytes; what it has comes back.
        let expected = whole.filter { !missing.contains($0) }
        #expect(expected.count == whole.count || !tokenizer.canEncode(text))
        for special in [false, true] {
          let ids = tokenizer.encode(text, special: special)
          #expect(tokenizer.decode(ids) == expected, "\(text.debugDescription)")
        }
      }
    }
  }
}

/// SmolLM2's reference prompts.
@Suite(
  .enabled(
    if: TestVectors.hasReference && TestVectors.hasTokenizers,
    "no published tokenizers, or no reference prompts, are here"))
struct ReferencePromptTests {
  private struct File: Decodable {
    struct Prompt: Decodable {
      let text: String
      let inputIds: [Int32]
      let greedyIds: [Int32]
      let greedyText: String
    }
    struct Chat: Decodable {
      let messages: [ChatMessage]
      let rendered: String
    }
    let prompts: [Prompt]
    let chat: Chat
  }

  private func tokenizers() throws -> [Tokenizer] {
    let path = "\(Checkout.tokenizers)/smollm2/tokenizer.json"
    var all = [try Tokenizer(json: TestVectors.contents(path))]
    if let path = Checkout.smolLM2 { all.append(try Tokenizer(gguf: GGUFFile(path: path))) }
    return all
  }

  private func file() throws -> File {
    let path = Checkout.reference("smollm2-135m-instruct/prompts.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(File.self, from: Data(TestVectors.contents(path)))
  }

  @Test func prompts() throws {
    let file = try file()
    #expect(!file.prompts.isEmpty)
    for tokenizer in try tokenizers() {
      for prompt in file.prompts {
        #expect(tokenizer.encode(prompt.text) == prompt.inputIds)
        #expect(tokenizer.text(prompt.greedyIds) == prompt.greedyText)
      }
    }
  }

  @Test func chat() throws {
    let chat = try file().chat
    let template = try ChatTemplate.named("smollm2")
    #expect(Array(try template.text(for: chat.messages).utf8) == Array(chat.rendered.utf8))
    for tokenizer in try tokenizers() {
      // The messages spell no special token, so reading the rendered text as markup must agree.
      #expect(
        try template.ids(for: chat.messages, tokenizer: tokenizer)
          == tokenizer.encode(chat.rendered, special: true))
    }
  }

  @Test(.enabled(if: Checkout.smolLM2 != nil, "DENJU_SMOLLM2 names no file"))
  func thePublishedGGUFSaysWhatTheJSONSays() throws {
    let path = try #require(Checkout.smolLM2)
    let gguf = try Tokenizer(gguf: GGUFFile(path: path))
    let json = try Tokenizer(
      json: TestVectors.contents("\(Checkout.tokenizers)/smollm2/tokenizer.json"),
      configJSON: Array(#"{"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}"#.utf8),
      chatTemplate: TestVectors.bytes("templates/smollm2.jinja"))
    #expect(gguf.fingerprint == json.fingerprint)
    #expect(gguf.chatTemplate?.name == "smollm2")
    #expect(gguf.endIDs == [0, 2])
  }
}
