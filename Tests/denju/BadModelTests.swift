import Foundation
import TestSupport
import Testing

/// A source that can't be used: one clear line, status 1, and the cache as it was.
@Suite struct BadModelTests {
  /// Precomputes further documents into a cache that exists, which must stay as it is.
  static func expectRefused(
    _ workshop: Workshop, _ words: String..., flags: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try? workshop.digest()
    let outcome = try workshop.denju(workshop.precomputing() + flags)
    expectRefusal(outcome, sourceLocation: sourceLocation)
    for word in words {
      #expect(
        outcome.errors.contains(word), "\(word) is not in: \(outcome.errors)",
        sourceLocation: sourceLocation)
    }
    #expect(before == (try? workshop.digest()), sourceLocation: sourceLocation)
  }

  static func prepared() throws -> Workshop {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    return workshop
  }

  @Test(arguments: [0, 4, 8, 100, 4000, 60_000])
  func `truncated weights`(length: Int) throws {
    let workshop = try Self.prepared()
    try workshop.bytes("source/model.safetensors").prefix(length)
      .write(to: URL(fileURLWithPath: workshop.source.weights))
    try Self.expectRefused(workshop, "model.safetensors")
    expectRefusal(
      try workshop.denju("inspect", "source/model.safetensors"), "model.safetensors")
  }

  @Test(arguments: [
    #"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 999999999999]}}"#,
    #"{"a": {"dtype": "F32", "shape": [9223372036854775807, 4], "data_offsets": [0, 16]}}"#,
    #"{"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}"#,
    #"{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 16]}}"#,
    #"{"a": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}}"#,
    #"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}"#, "[]", "{", "\u{0}",
  ])
  func `hostile weights`(header: String) throws {
    let workshop = try Workshop()
    let bytes = Array(header.utf8)
    var data = withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Data($0) }
    data += bytes + [UInt8](repeating: 0, count: 16)
    try data.write(to: URL(fileURLWithPath: workshop.source.weights))
    try Self.expectRefused(workshop, "model.safetensors")
  }

  @Test func `a missing tensor, file and folder`() throws {
    let workshop = try Self.prepared()
    let name = "model.layers.1.mlp.up_proj.weight"
    try workshop.source.rewriteWeights(seed: 1, without: name)
    let fresh = ["--cache", "fresh.sqlite"]
    try Self.expectRefused(workshop, name, flags: fresh)
    try FileManager.default.removeItem(atPath: workshop.source.weights)
    try Self.expectRefused(workshop, "source")
    try FileManager.default.removeItem(atPath: workshop.source.path)
    try Self.expectRefused(workshop, "source")
  }

  @Test func `a configuration that is not implemented, not JSON, or not there`() throws {
    let workshop = try Self.prepared()
    let text = String(decoding: try workshop.bytes("source/config.json"), as: UTF8.self)
    for (old, new, word) in [
      (#""hidden_act":"silu""#, #""hidden_act":"relu""#, "hidden_act"),
      (
        #""hidden_act":"silu""#,
        #""hidden_act":"silu","rope_scaling":{"type":"ntk","factor":2}"#, "rope_scaling"
      ),
      // Another model than the cache's, on one line.
      (
        #""hidden_act":"silu""#,
        #""hidden_act":"silu","rope_scaling":{"type":"linear","factor":2}"#,
        #"ropeScaling is absent in the cache and {"factor":2,"type":"linear"} here"#
      ),
      (#""model_type":"llama""#, #""model_type":"mamba""#, "mamba"),
      (#""hidden_size":48"#, #""hidden_size":0"#, "hidden size"),
      (#"":""#, #"" ""#, "config.json"),
    ] {
      let spoilt = text.replacingOccurrences(of: old, with: new)
      #expect(spoilt != text)
      try workshop.write("source/config.json", spoilt)
      try Self.expectRefused(workshop, word)
    }
    try FileManager.default.removeItem(atPath: workshop.path("source/config.json"))
    try Self.expectRefused(workshop, "source")
  }

  @Test func `a broken tokenizer`() throws {
    let workshop = try Self.prepared()
    for text in ["", "{", "{}", #"{"model": {"type": "Unigram"}}"#] {
      try workshop.write("source/tokenizer.json", text)
      try Self.expectRefused(workshop, "tokenizer.json")
    }
  }

  @Test(arguments: [0, 4, 10, 24, 500, 4000])
  func `a truncated GGUF file`(length: Int) throws {
    let workshop = try Workshop()
    let whole = Data(try Checkout.bytes("Tests/Tokenization/Vectors/tiny-smollm.gguf"))
    try whole.prefix(length).write(to: URL(fileURLWithPath: workshop.path("short.gguf")))
    expectRefusal(try workshop.denju("inspect", "short.gguf"), "short.gguf")
    expectRefusal(
      try workshop.denju(
        "precompute", "--source", "short.gguf", "--corpus", "train.jsonl", "--cache", "cache.sqlite"
      ),
      "short.gguf")
    #expect(!FileManager.default.fileExists(atPath: workshop.cache))
  }

  @Test func `a layer out of range and an unknown template`() throws {
    let workshop = try Self.prepared()
    try Self.expectRefused(workshop, "--layer 4", flags: ["--layer", "4"])
    try Self.expectRefused(workshop, "--layer -5", flags: ["--layer", "-5"])
    try Self.expectRefused(workshop, "vicuna", flags: ["--template", "vicuna"])
  }

  @Test func `a cache of another source, layer or codec is refused with both named`() throws {
    let workshop = try Self.prepared()
    try Self.expectRefused(workshop, "layer", "2", "3", flags: ["--layer", "2"])
    try Self.expectRefused(workshop, "float32", "int8", flags: ["--codec", "float32"])
    try workshop.source.rewriteWeights(seed: 2)
    try Self.expectRefused(workshop, "cache.sqlite", "weights")
  }
}
