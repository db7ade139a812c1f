import Foundation
import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport
import Testing

/// What a source refuses, and that a refusal changes nothing.
@Suite struct RefusalTests {
  @Test(arguments: [Int32(53), -1, .max, .min])
  func tokensOutsideTheVocabulary(_ id: Int32) throws {
    let source = try RandomSource.llama.source()
    let out = FloatBuffer(count: 3 * source.width)
    let expected = KnowledgeSourceError.tokenOutOfRange(id: id, position: 2, vocabularySize: 53)
    #expect(throws: expected) { try source.states([0, 52, id], layer: 0, into: out.base) }
    let session = try source.makeSession(capacity: 8)
    try session.append([1, 2], into: out.base)
    #expect(throws: expected) { try session.append([id], into: out.base) }
    #expect(session.ids == [1, 2])
  }

  @Test func moreTokensThanThereIsRoomFor() throws {
    let source = try RandomSource.llama.source()
    let ids = randomDocument(97, seed: 1)
    let out = FloatBuffer(count: ids.count * source.width)
    let tooLong = KnowledgeSourceError.tooLong(count: 97, maximumPositions: 96)
    #expect(throws: tooLong) { try source.states(ids, layer: 3, into: out.base) }
    #expect(throws: tooLong) { try source.makeSession(capacity: 97) }
    #expect(throws: tooLong) { try source.advance(out.base, lengths: [97], from: 0, to: 1) }
    let session = try source.makeSession(capacity: 8)
    try session.append([1, 2, 3, 4, 5, 6, 7], into: out.base)
    #expect(throws: KnowledgeSourceError.sessionFull(count: 9, capacity: 8)) {
      try session.append([1, 2], into: out.base)
    }
    #expect(throws: KnowledgeSourceError.sessionFull(count: 7, capacity: 6)) {
      try session.fork(capacity: 6)
    }
    #expect(session.count == 7)
  }

  @Test func layersThatAreNotThere() throws {
    let source = try RandomSource.llama.source()
    let out = FloatBuffer(count: source.width)
    for layer in [-1, 4] {
      let expected = KnowledgeSourceError.layerOutOfRange(layer: layer, layerCount: 3)
      #expect(throws: expected) { try source.states([1], layer: layer, into: out.base) }
      #expect(throws: expected) { try source.makeSession(capacity: 1, layer: layer) }
    }
  }

  @Test(arguments: [
    "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
    "model.layers.1.self_attn.k_proj.weight", "model.layers.2.mlp.up_proj.weight",
    "model.layers.0.input_layernorm.weight",
  ])
  func tensorsThatAreMissingOrOfAnotherShape(_ name: String) throws {
    let model = RandomSource.odd.model()
    let shape = try #require(model.tensors[name]?.shape)
    model.set(name, shape + [1]) { 0 }
    let wrong = #expect(throws: KnowledgeSourceError.self) { try model.source() }
    #expect("\(try #require(wrong))".contains("\(name): expected shape \(shape)"))
    model.remove(name)
    let missing = #expect(throws: KnowledgeSourceError.self) { try model.source() }
    #expect("\(try #require(missing))".contains("tensor \(name) is missing"))
  }

  @Test func biasesThatAreMissing() throws {
    let model = RandomSource.qwen2.model()
    model.remove("model.layers.0.self_attn.v_proj.bias")
    #expect(throws: KnowledgeSourceError.self) { try model.source() }
  }

  @Test func sizesThatTheFileDoesNotHave() throws {
    let model = RandomSource.llama.model()
    model.configuration["vocab_size"] = 1 << 26
    model.configuration["hidden_size"] = 1 << 20
    #expect(throws: KnowledgeSourceError.self) { try model.source() }
  }

  @Test(arguments: [
    "transformer.wpe.weight", "transformer.h.1.ln_2.bias", "transformer.h.2.mlp.c_proj.bias",
    "transformer.ln_f.weight",
  ])
  func tensorsOfGPTNeoThatAreMissing(_ name: String) throws {
    let model = RandomSource.gptNeo.model()
    model.remove(name)
    let missing = #expect(throws: KnowledgeSourceError.self) { try model.source() }
    #expect("\(try #require(missing))".contains("tensor \(name) is missing"))
  }

  @Test func whatSeesWholeDocumentsIsNoDecoder() throws {
    try TemporaryFolder.with { folder in
      try TinyModel(.bert, .plain).write(to: folder.path)
      let error = #expect(throws: KnowledgeSourceError.self) {
        try DecoderSource(ModelFolder.open(folder.path))
      }
      #expect(error == .noDecoder(path: folder.path, family: "bert"))
    }
  }
}
