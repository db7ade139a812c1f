import ModelFiles
import Testing
import Tokenization

@Suite struct GGUFRefusalTests {
  private func metadata(_ change: (inout GGUFMetadata) -> Void) throws -> GGUFFile {
    var metadata = GGUFMetadata()
    change(&metadata)
    return try metadata.file()
  }

  /// Writes a small tokenizer, with `model` to `merges` replaced.
  private func tokenizer(
    model: String? = "gpt2", pre: String? = "gpt-2", tokens: [[UInt8]]? = nil,
    types: [Int32]? = [1, 1, 1, 3], merges: [String]? = ["a b"],
    more: (inout GGUFMetadata) -> Void = { _ in }
  ) throws -> Tokenizer {
    let file = try metadata { file in
      if let model { file.set("tokenizer.ggml.model", model) }
      if let pre { file.set("tokenizer.ggml.pre", pre) }
      file.set("tokenizer.ggml.tokens", tokens ?? ["a", "b", "ab", "<s>"].map { Array($0.utf8) })
      if let types { file.set("tokenizer.ggml.token_type", types) }
      if let merges { file.set("tokenizer.ggml.merges", merges.map { Array($0.utf8) }) }
      more(&file)
    }
    return try Tokenizer(gguf: file)
  }

  private func expectRefusal(_ says: String, _ make: () throws -> Tokenizer) {
    let error = #expect(throws: TokenizerError.self, "\(says)") { try make() }
    let line = error?.description ?? ""
    #expect(line.contains(says), "\(line)")
    #expect(!line.contains("\n"))
  }

  @Test func refusedByName() throws {
    expectRefusal("tokenizer.ggml.model is \"rwkv\"") { try tokenizer(model: "rwkv") }
    expectRefusal("tokenizer.ggml.model is \"absent\"") { try tokenizer(model: nil) }
    expectRefusal("tokenizer.ggml.pre is \"absent\"") { try tokenizer(pre: nil) }
    expectRefusal("tokenizer.ggml.pre is \"default\"") { try tokenizer(pre: "default") }
    expectRefusal("tokenizer.ggml.pre is \"x\\ny\"") { try tokenizer(pre: "x\ny") }
    expectRefusal("tokenizer.ggml.token_type") { try tokenizer(types: nil) }
    expectRefusal("expected 4 types") { try tokenizer(types: [1, 1, 1]) }
    expectRefusal("tokenizer.ggml.token_type[0] is 6") { try tokenizer(types: [6, 1, 1, 3]) }
    expectRefusal("tokenizer.ggml.token_type[0] is 99") { try tokenizer(types: [99, 1, 1, 3]) }
    expectRefusal("tokenizer.ggml.merges") { try tokenizer(merges: nil) }
    expectRefusal("tokenizer.ggml.merges[0]") { try tokenizer(merges: ["ab"]) }
    expectRefusal("merge 0: expected tokens of the vocabulary") { try tokenizer(merges: ["a x"]) }
    expectRefusal("expected UTF-8") { try tokenizer(tokens: [[0x61], [0xFF], [0x62], [0x63]]) }
    expectRefusal("expected one id, found 0 and 1") {
      try tokenizer(tokens: [[0x61], [0x61], [0x62], [0x63]])
    }
    expectRefusal("add_eos_token is true") {
      try tokenizer { $0.set("tokenizer.ggml.add_eos_token", true) }
    }
    expectRefusal("add_space_prefix is true") {
      try tokenizer { $0.set("tokenizer.ggml.add_space_prefix", true) }
    }
    expectRefusal("eos_token_id: expected an id below 4, found 4") {
      try tokenizer { $0.set("tokenizer.ggml.eos_token_id", UInt32(4)) }
    }
    expectRefusal("add_bos_token") { try tokenizer { $0.set("tokenizer.ggml.add_bos_token", "x") } }
    expectRefusal("tokenizer.ggml.model") { try Tokenizer(gguf: metadata { _ in }) }
  }

  @Test func accepted() throws {
    #expect(try tokenizer().encode("ab<s>", special: true) == [2, 3])
    let begins = try tokenizer {
      $0.set("tokenizer.ggml.add_bos_token", true)
      $0.set("tokenizer.ggml.bos_token_id", UInt32(3))
    }
    #expect(begins.encode("ab") == [3, 2])
    // A named end token is special even where its type says nothing of it.
    let ends = try tokenizer(types: [1, 1, 1, 1]) {
      $0.set("tokenizer.ggml.eos_token_id", UInt32(3))
    }
    #expect(ends.endIDs == [3] && ends.isSpecial(3))
    // Unused tokens pad the end and stay in the middle.
    let padded = try tokenizer(types: [1, 1, 1, 5])
    #expect(padded.vocabularySize == 3)
  }
}
