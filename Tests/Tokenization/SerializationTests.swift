import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenization

@Suite struct SerializationTests {
  static let kinds = ["gpt2", "qwen2", "smollm", "flags"]

  @Test(arguments: kinds) func bytesComeBack(kind: String) throws {
    let tokenizer = try Tokenizer(
      json: TestVectors.bytes("tiny-\(kind).json"),
      configJSON: Array(#"{"eos_token": "<|im_end|>"}"#.utf8),
      chatTemplate: TestVectors.bytes("templates/smollm2.jinja"))
    let bytes = tokenizer.serialized()
    let again = try Tokenizer(serialized: bytes)
    #expect(again.serialized() == bytes)
    #expect(again.fingerprint == tokenizer.fingerprint)
    #expect(again.fingerprint.utf8.count == 64)
    #expect(again.chatTemplate == tokenizer.chatTemplate)
    #expect(again.endIDs == tokenizer.endIDs)
    #expect(again.addedTokens == tokenizer.addedTokens)
    #expect(again.vocabularySize == tokenizer.vocabularySize)
    // Canonical JSON is JSON.
    #expect((try? JSONSerialization.jsonObject(with: Data(bytes))) is [String: Any])
  }

  @Test(arguments: kinds.dropLast()) func jsonAndGGUFOfOneTokenizerHaveOneFingerprint(
    kind: String
  ) throws {
    let json = try Tokenizer(
      json: TestVectors.bytes("tiny-\(kind).json"),
      configJSON: Array(#"{"eos_token": "<|im_end|>", "bos_token": "<|im_start|>"}"#.utf8),
      chatTemplate: TestVectors.bytes("templates/smollm2.jinja"))
    let gguf = try Tokenizer(gguf: GGUFFile(path: TestVectors.path("tiny-\(kind).gguf")))
    #expect(json.fingerprint == gguf.fingerprint)
    #expect(gguf.vocabularySize == 401)
  }

  @Test func whatChangesIDsChangesTheFingerprint() throws {
    var fingerprints: Set<String> = []
    for kind in Self.kinds {
      fingerprints.insert(try Tokenizer(json: TestVectors.bytes("tiny-\(kind).json")).fingerprint)
    }
    let json = try TestVectors.bytes("tiny-gpt2.json")
    for config in [
      #"{"eos_token": "<|im_end|>"}"#,
      #"{"add_bos_token": true, "bos_token": "<|im_start|>"}"#,
      #"{"chat_template": "{{ messages }}"}"#,
      #"{"added_tokens_decoder": {"400": {"content": "<tool_call>", "rstrip": true}}}"#,
    ] {
      fingerprints.insert(try Tokenizer(json: json, configJSON: Array(config.utf8)).fingerprint)
    }
    #expect(fingerprints.count == 8)
  }

  @Test func folderIsRead() throws {
    let tokenizer = try TemporaryFolder.with { folder in
      try folder.copy(TestVectors.path("tiny-qwen2.json"), as: "tokenizer.json")
      try folder.write(
        "tokenizer_config.json",
        #"{"eos_token": {"content": "<|im_end|>"}, "chat_template": "unknown"}"#)
      try folder.copy(TestVectors.path("templates/qwen2.jinja"), as: "chat_template.jinja")
      return try Tokenizer.load(ModelFolder.open(folder.path))
    }
    #expect(tokenizer.endOfTextID == 2)
    #expect(tokenizer.chatTemplate?.name == "qwen2")
    let gguf = try Tokenizer.load(ModelFolder.open(TestVectors.path("tiny-smollm.gguf")))
    #expect(gguf.endOfTextID == 2)
  }
}
