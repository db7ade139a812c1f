import ModelFiles
import TestSupport
import Testing

@Suite("Hostile GGUF")
struct GGUFHostileTests {
  private typealias Code = GGUFBuilder.Code
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(_ spoil: (inout GGUFBuilder) -> Void) throws -> TensorCatalogue {
    var builder = GGUFBuilder.model()
    spoil(&builder)
    return try TensorCatalogue.open(folder.write("hostile.gguf", builder.bytes))
  }

  @Test("the model that the others spoil is good")
  func good() throws {
    #expect(try open { _ in }.names == ["model.embed_tokens.weight"])
  }

  @Test("magic, version and byte order")
  func preamble() {
    expectError("GGUF", "GGML") { try open { $0.magic = Array("GGML".utf8) } }
    expectError("GGUF version", "1") { try open { $0.version = 1 } }
    expectError("GGUF version", "3, big-endian") { try open { $0.version = 3 << 24 } }
    expectError("magic", "0 bytes") { try GGUFFile(path: folder.write("empty.gguf", "")) }
  }

  @Test("counts that the file cannot hold")
  func counts() {
    expectError("tensor count", "18446744073709551615") { try open { $0.tensorCount = .max } }
    expectError("metadata count", "1099511627776") { try open { $0.keyCount = 1 << 40 } }
    expectError("the count of metadata key big") {
      try open {
        $0.add(
          "big", Code.array, GGUFBuilder.bytes(Code.uint64) + GGUFBuilder.bytes(UInt64.max / 8))
      }
    }
    expectError("the count of metadata key big") {
      try open {
        $0.add(
          "big", Code.array, GGUFBuilder.bytes(Code.string) + GGUFBuilder.bytes(UInt64(1 << 50)))
      }
    }
    expectError("the length of metadata key big") {
      try open { $0.add("big", Code.string, GGUFBuilder.bytes(UInt64.max)) }
    }
  }

  @Test("arrays nested without end")
  func nesting() {
    let level = GGUFBuilder.bytes(Code.array) + GGUFBuilder.bytes(UInt64(1))
    let deep = [[UInt8]](repeating: level, count: 100_000).flatMap { $0 }
    expectError("deep", "levels") { try open { $0.add("deep", Code.array, deep) } }
  }

  @Test("keys and values that break the format")
  func metadata() {
    expectError("general.architecture", "twice") {
      try open { $0.add("general.architecture", string: "llama") }
    }
    expectError("odd", "value type", "13") { try open { $0.add("odd", 13, []) } }
    expectError("flag", "boolean", "2") { try open { $0.add("flag", Code.bool, [2]) } }
    expectError("UTF-8") {
      try open {
        $0.add("", Code.uint8, [1])
      }
    }
    expectError("general.architecture") {
      var builder = GGUFBuilder()
      builder.add("general.architecture", Code.string, GGUFBuilder.bytes(UInt64(1)) + [0xFF])
      return try TensorCatalogue.open(folder.write("architecture.gguf", builder.bytes))
    }
    for alignment in [0, 3, 1 << 31] {
      expectError("general.alignment", "power of two", "\(alignment)") {
        try open { $0.add("general.alignment", integer: alignment) }
      }
    }
    expectError("general.alignment", "string") {
      try open { $0.add("general.alignment", string: "32") }
    }
  }

  @Test("names that are not UTF-8", arguments: ["general.architecture", "token_embd.weight"])
  func names(name: String) throws {
    var bytes = GGUFBuilder.model().bytes
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: name.utf8) })
    bytes[place + 3] = 0xFF
    expectError("UTF-8") { try TensorCatalogue.open(folder.write("names.gguf", bytes)) }
  }

  @Test("shapes and types that break the format")
  func shapes() {
    expectError("dimension count of tensor t", "4294967295") {
      try open { $0.addTensor("t", dimensions: [1], type: 0, offset: 0, rank: .max) }
    }
    expectError("dimension of tensor t", "0") {
      try open { $0.addTensor("t", dimensions: [4, 0], type: 0, offset: 640) }
    }
    expectError("dimension of tensor t", "18446744073709551615") {
      try open { $0.addTensor("t", dimensions: [.max], type: 0, offset: 640) }
    }
    expectError("tensor t", "shape") {
      try open { $0.addTensor("t", dimensions: [1 << 40, 1 << 40], type: 0, offset: 640) }
    }
    expectError("tensor t", "shape") {
      try open { $0.addTensor("t", dimensions: [1 << 62], type: 0, offset: 640) }
    }
    expectError("tensor t", "multiple of 32", "Q4_0") {
      try open { $0.addTensor("t", dimensions: [33], type: 2, offset: 640) }
    }
    expectError("tensor t", "ggml type 99") {
      try open { $0.addTensor("t", dimensions: [4], type: 99, offset: 640) }
    }
  }

  @Test("offsets that break the format")
  func offsets() {
    expectError("tensor t", "data section of 640 bytes") {
      try open { $0.addTensor("t", dimensions: [4], type: 0, offset: 640) }
    }
    expectError("tensor t", "data section") {
      try open { $0.addTensor("t", dimensions: [4], type: 0, offset: UInt64(Int.max) / 32 * 32) }
    }
    expectError("offset of tensor t", "18446744073709551615") {
      try open { $0.addTensor("t", dimensions: [4], type: 0, offset: .max) }
    }
    expectError("offset of tensor t", "multiple of 32", "8") {
      try open { $0.addTensor("t", dimensions: [4], type: 0, offset: 8) }
    }
    expectError("begin after tensor") {
      try open { $0.addTensor("t", dimensions: [4], type: 0, offset: 32) }
    }
    expectError("token_embd.weight", "twice") {
      try open { $0.addTensor("token_embd.weight", [4]) }
    }
    expectError("model.embed_tokens.weight", "twice") {
      try open { $0.addTensor("model.embed_tokens.weight", [4]) }
    }
  }

  @Test("query rows that do not divide over heads")
  func heads() {
    expectError("blk.0.attn_q.weight", "4 heads") {
      try open { $0.addTensor("blk.0.attn_q.weight", [12, 16]) }
    }
    expectError("blk.0.attn_k.weight", "2 heads") {
      try open { $0.addTensor("blk.0.attn_k.weight", [7, 16]) }
    }
  }

  @Test("types that can be listed but not read")
  func listed() throws {
    let catalogue = try open {
      $0.addTensor("x", dimensions: [256], type: 23, offset: 640)
      $0.addData([UInt8](repeating: 0, count: 160))
    }
    #expect(catalogue["x"]?.elementType == .iq4_XS)
    #expect(catalogue["x"]?.byteCount == 136)
    expectError("tensor x", "IQ4_XS") { try catalogue.floats("x") }
    expectError("tensor x", "IQ4_XS", "I64") { try catalogue.integers("x") }
  }
}
