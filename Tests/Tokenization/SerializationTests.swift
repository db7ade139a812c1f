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

  /// As the program wrote them before there was more than one kind of tokenizer: caches and runs
  /// hold these.
  @Test(arguments: [
    ("tiny-gpt2.json", "757626fa39e35c364e6ff351e75356131341b5789a4b0b3820a93e98cc14b727"),
    ("tiny-qwen2.json", "fef264f02ace2e7d1a923b5b36e51aedd9947a5ed8d0aac660a0415e008c79db"),
    ("tiny-smollm.json", "0ac468518988d190f65f9f8cc618f7e6ec4770958e7399f3f90b7ae2a5399c85"),
    ("tiny-flags.json", "6c23db071c05da58a25ccae0ec9c7c63a6078ff7efee97c179bc7ac4333e2ebc"),
    ("tiny-gpt2.gguf", "d54c5f6b4af3d77cd59e023093a9bbb57dc0e9d5950f6d9a472d5f12afdf8cac"),
    ("tiny-qwen2.gguf", "ce9608c325f77ffecb6922018fd52ff705f4ab1a09b3ea8897b56f27c0b3158a"),
    ("tiny-smollm.gguf", "59ac6cc026a2d9ab77c9a7cc96f3a6e9e4ebf98478f74e4a67023ccf48a59aeb"),
  ])
  func fingerprintsStay(file: String, fingerprint: String) throws {
    let tokenizer =
      file.hasSuffix(".gguf")
      ? try Tokenizer(gguf: GGUFFile(path: TestVectors.path(file)))
      : try Tokenizer(json: TestVectors.bytes(file))
    #expect(tokenizer.fingerprint == fingerprint)
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

  /// What is written for other programs is read back as the same tokenizer, its chat template aside.
  @Test func aHuggingFaceFolderIsWritten() throws {
    let tiny = try Tokenizer(
      json: Checkout.bytes("Tests/Tokenization/Vectors/tiny-gpt2.json"), configJSON: nil)
    let files = try #require(tiny.huggingFaceFiles(jinja: nil))
    #expect(files.map(\.name) == ["tokenizer.json", "tokenizer_config.json"])
    let read = try Tokenizer(json: files[0].contents, configJSON: files[1].contents)
    #expect(read.fingerprint == tiny.fingerprint)
    for text in ["Hello  world's 12 things\n", "naïve 日本 \u{1F600}"] {
      #expect(read.encode(text) == tiny.encode(text))
    }
  }
}
