import Architectures
import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("Model folder")
struct ModelFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A configuration's text.
  private static func llama(isTied: Bool) throws -> [UInt8] {
    var shape = TinyShape.small
    shape.isTied = isTied
    return Array(
      try JSONSerialization.data(withJSONObject: TinyFamily.llama.configuration(shape)))
  }

  @Test("a configuration without weights can be planned for")
  func configurationAlone() throws {
    try folder.write("config.json", Self.llama(isTied: false))
    let model = try ModelFolder.open(folder.path)
    #expect(try model.architecture().width == 40)
    expectError("safetensors", "missing") { try model.catalogue() }
    expectError("tokenizer.json", "missing") { try model.tokenizerFiles }
  }

  @Test("a tokenizer without a configuration")
  func tokenizerAlone() throws {
    try folder.write("tokenizer.json", "{}")
    try folder.write("chat_template.jinja", "")
    let model = try ModelFolder.open(folder.path)
    guard case .json(let tokenizer, nil, let template?) = try model.tokenizerFiles else {
      Issue.record("wrong files")
      return
    }
    #expect(tokenizer == folder.path + "/tokenizer.json")
    #expect(template == folder.path + "/chat_template.jinja")
    expectError("config.json", "missing") { try model.architecture() }
  }

  @Test("a folder with one GGUF file is that file, with two it is ambiguous")
  func gguf() throws {
    _ = try folder.copy(Vectors.path("qwen2.gguf"), as: "a.gguf")
    let model = try ModelFolder.open(folder.path)
    #expect(try model.architecture() is Qwen2)
    #expect(try model.catalogue().names.count == 2 * 12 + 3)
    guard case .gguf(let file) = try model.tokenizerFiles else {
      Issue.record("wrong files")
      return
    }
    #expect(try file.strings("tokenizer.ggml.tokens").count == 20)
    _ = try folder.copy(Vectors.path("llama.gguf"), as: "b.gguf")
    expectError("a.gguf, b.gguf") { try ModelFolder.open(folder.path) }
    #expect(try ModelFolder.open(folder.path + "/b.gguf").architecture() is Llama)
  }

  @Test("paths that name no model")
  func noModel() throws {
    expectError("no such file") { try ModelFolder.open(folder.path + "/absent") }
    expectError("config.json", "missing") { try ModelFolder.open(folder.path) }
    let file = try folder.write("model.safetensors", "x")
    expectError(".gguf file") { try ModelFolder.open(file) }
    expectError("cut.gguf") { try ModelFolder.open(folder.write("cut.gguf", "GGUF")) }
  }

  @Test("a tied head may be absent, or present and equal")
  func tiedHead() throws {
    try folder.write("config.json", Self.llama(isTied: true))
    let model = try ModelFolder.open(folder.path)
    let path = folder.path + "/model.safetensors"
    let (values, others): ([Float], [Float]) = ([1, 2], [1, 3])
    func check(_ copy: [Float]?) throws {
      try values.withUnsafeBufferPointer { values in
        try (copy ?? []).withUnsafeBufferPointer { head in
          let embedding = (name: "model.embed_tokens.weight", shape: [1, 2], values: values)
          let copies = copy == nil ? [] : [(name: "lm_head.weight", shape: [1, 2], values: head)]
          try SafetensorsWriter.write(path: path, tensors: [embedding] + copies)
        }
      }
      let architecture = try model.architecture()
      #expect(try #require(architecture.outputHead).isTied)
      try TensorPlaces(model.catalogue(), architecture).checkTied()
    }
    try check(nil)
    try check(values)
    expectError("lm_head.weight", "copy") { try check(others) }
    // What is stored once may have either name.
    try values.withUnsafeBufferPointer {
      try SafetensorsWriter.write(
        path: path, tensors: [(name: "lm_head.weight", shape: [1, 2], values: $0)])
    }
    let places = TensorPlaces(try model.catalogue(), try model.architecture())
    #expect(places["model.embed_tokens.weight"].tensor == "lm_head.weight")
    try places.checkTied()
  }
}
