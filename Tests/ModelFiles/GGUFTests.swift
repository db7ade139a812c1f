import Architectures
import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("GGUF")
struct GGUFTests {
  @Test("a converted model comes out as Hugging Face has it", arguments: ["llama", "qwen2"])
  func convertedModel(architecture: String) throws {
    let folder = try ModelFolder.open(Vectors.path("\(architecture).gguf"))
    let catalogue = try folder.catalogue()
    let expected = try TensorCatalogue.open(
      Vectors.path("\(architecture).expected.safetensors"))
    #expect(catalogue.names == expected.names)
    for entry in expected.entries {
      #expect(try catalogue.floats(entry.name, shape: entry.shape) == expected.floats(entry.name))
    }
    let family = try #require(try folder.architecture() as? any RotaryDecoderFamily)
    #expect(family.family == architecture)
    let (configuration, sizes) = (family.decoder, family.decoder.sizes)
    #expect(sizes.hiddenSize == 16)
    #expect(sizes.intermediateSize == 32)
    #expect(sizes.layerCount == 2)
    #expect(sizes.headCount == 4)
    #expect(sizes.keyValueHeadCount == 2)
    #expect(sizes.headSize == 4)
    #expect(sizes.vocabularySize == 20)
    #expect(sizes.maximumPositions == 128)
    #expect(configuration.rmsNormEpsilon == 1e-5)
    #expect(configuration.ropeTheta == 50_000)
    #expect(configuration.tiedEmbeddings == (architecture == "llama"))
    #expect(configuration.attentionBias == (architecture == "qwen2"))
    #expect(configuration.beginTokenID == 1)
    #expect(configuration.endTokenIDs == [2])
    #expect(family.outputHead?.isTied == (architecture == "llama"))
  }

  @Test("metadata of a real writer, by type")
  func metadata() throws {
    let file = try GGUFFile(path: Vectors.path("llama.gguf"))
    #expect(file.version == 3)
    #expect(try file.string("tokenizer.ggml.model") == "gpt2")
    #expect(try file.strings("tokenizer.ggml.tokens").last == Array("é".utf8))
    #expect(try file.integers("tokenizer.ggml.token_type") == [Int64](repeating: 1, count: 20))
    #expect(try file.floats("tokenizer.ggml.scores") == [Float](repeating: 0.5, count: 20))
    #expect(try file.bool("tokenizer.ggml.add_bos_token") == false)
    #expect(try file.integer("tokenizer.ggml.bos_token_id") == 1)
    #expect(try file.float("llama.rope.freq_base") == 50_000)
    expectError("tokenizer.chat_template", "missing") { try file.string("tokenizer.chat_template") }
    expectError("tokenizer.ggml.tokens", "integer", "string[20]") {
      try file.integer("tokenizer.ggml.tokens")
    }
  }

  @Test("every type of value, arrays of arrays among them", arguments: [UInt32(2), 3])
  func everyType(version: UInt32) throws {
    typealias Code = GGUFBuilder.Code
    var builder = GGUFBuilder()
    builder.version = version
    builder.add("u8", 0, [200])
    builder.add("i8", 1, [0xFF])
    builder.add("u16", 2, GGUFBuilder.bytes(UInt16(60_000)))
    builder.add("i16", 3, GGUFBuilder.bytes(Int16(-2)))
    builder.add("u32", 4, GGUFBuilder.bytes(UInt32.max))
    builder.add("i32", 5, GGUFBuilder.bytes(Int32.min))
    builder.add("f32", 6, GGUFBuilder.bytes(Float(0.1).bitPattern))
    builder.add("bool", 7, [1])
    builder.add("string", 8, GGUFBuilder.string("ü\n"))
    builder.add("u64", 10, GGUFBuilder.bytes(UInt64.max))
    builder.add("i64", 11, GGUFBuilder.bytes(Int64.min))
    builder.add("f64", 12, GGUFBuilder.bytes(0.1.bitPattern))
    builder.add("bools", 9, GGUFBuilder.array(Code.bool, [[1], [0]]))
    builder.add("i64s", 9, GGUFBuilder.array(11, [GGUFBuilder.bytes(Int64(-7))]))
    builder.add("f64s", 9, GGUFBuilder.array(12, [GGUFBuilder.bytes(0.5.bitPattern)]))
    builder.add(
      "nested", 9,
      GGUFBuilder.array(
        Code.array,
        [
          GGUFBuilder.array(Code.uint8, [[1], [2]]),
          GGUFBuilder.array(Code.string, [GGUFBuilder.string("x")]),
          GGUFBuilder.array(Code.array, []),
        ]))
    let folder = try TemporaryFolder()
    let file = try GGUFFile(path: folder.write("types.gguf", builder.bytes))
    #expect(file.version == Int(version))
    #expect(file.metadata["u8"] == .uint8(200))
    #expect(file.metadata["i8"] == .int8(-1))
    #expect(file.metadata["u16"] == .uint16(60_000))
    #expect(file.metadata["i16"] == .int16(-2))
    #expect(file.metadata["u32"] == .uint32(.max))
    #expect(file.metadata["i32"] == .int32(.min))
    #expect(file.metadata["f32"] == .float32(0.1))
    #expect(file.metadata["bool"] == .bool(true))
    #expect(file.metadata["string"] == .string(Array("ü\n".utf8)))
    #expect(file.metadata["u64"] == .uint64(.max))
    #expect(file.metadata["i64"] == .int64(.min))
    #expect(file.metadata["f64"] == .float64(0.1))
    #expect(file.metadata["bools"] == .array(.bool([true, false])))
    #expect(file.metadata["i64s"] == .array(.int64([-7])))
    #expect(file.metadata["f64s"] == .array(.float64([0.5])))
    #expect(
      file.metadata["nested"]
        == .array(.arrays([.uint8([1, 2]), .strings([Array("x".utf8)]), .arrays([])])))
    #expect(file.metadata["nested"]?.description == #"[[1, 2], ["x"], []]"#)
    #expect(file.metadata["string"]?.description == #"ü\n"#)
    #expect(file.keys.first == "u8")
    expectError("u64", "an integer") { try file.integer("u64") }
  }

  @Test("a vocabulary of 200,000 strings is read in a fraction of a second")
  func largeVocabulary() throws {
    var builder = GGUFBuilder()
    let tokens = (0..<200_000).map { GGUFBuilder.string("token\($0)") }
    builder.add("tokens", 9, GGUFBuilder.array(GGUFBuilder.Code.string, tokens))
    builder.add("merges", 9, GGUFBuilder.array(GGUFBuilder.Code.string, tokens))
    let folder = try TemporaryFolder()
    let path = try folder.write("vocabulary.gguf", builder.bytes)
    // The thread's own time: what else the machine does is not the reader's.
    let start = threadSeconds()
    let file = try GGUFFile(path: path)
    let time = threadSeconds() - start
    #expect(try file.strings("merges").count == 200_000)
    #expect(time < 0.3)
  }
}

/// Processor time that the calling thread has used, in seconds.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
