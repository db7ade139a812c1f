import Architectures
import Foundation
import Generators
import KnowledgeSource
import ModelFiles
import TestSupport
import Testing

/// A text model within a folder of one that sees images is the text model by itself.
@Suite struct EnclosedTextModelTests {
  static let names = ReferenceFolder.names(with: ["config.json", "model.safetensors"]).filter {
    (try? TinyFolder.architecture($0)) is Gemma3
  }

  /// How tensors are named: the text model's, the output head, and those of what sees images.
  enum Form: String, CaseIterable {
    /// As published.
    case old
    /// As transformers writes them since 4.52.
    case new

    func text(_ name: String) -> String {
      switch self {
      case .old: "language_model.\(name)"
      case .new:
        name.hasPrefix("model.") ? "model.language_model." + name.dropFirst("model.".count) : name
      }
    }

    var others: [String] {
      let names = ["vision_tower.vision_model.post_layernorm.weight", "multi_modal_projector.mm"]
      return self == .old ? names : names.map { "model." + $0 }
    }
  }

  /// The folder's text model in the nested form, as `Gemma3ForConditionalGeneration` has it.
  private func nested(_ name: String, _ form: Form, in folder: TemporaryFolder) throws {
    let text = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: ReferenceFolder.path("\(name)/config.json"))))
    let configuration: [String: Any] = [
      "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
      "text_config": text, "vision_config": ["hidden_size": 8], "mm_tokens_per_image": 4,
    ]
    try folder.write(
      "config.json",
      Array(try JSONSerialization.data(withJSONObject: configuration)))

    let file = [UInt8](
      try Data(
        contentsOf: URL(fileURLWithPath: ReferenceFolder.path("\(name)/model.safetensors"))))
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: Any])
    var values = Array(file[(8 + length)...])
    var renamed: [String: Any] = [:]
    for (name, entry) in header { renamed[name == "__metadata__" ? name : form.text(name)] = entry }
    for name in form.others {
      renamed[name] = [
        "dtype": "F32", "shape": [3], "data_offsets": [values.count, values.count + 12],
      ]
      values += [UInt8](repeating: 7, count: 12)
    }
    let names = try JSONSerialization.data(withJSONObject: renamed)
    let count = withUnsafeBytes(of: UInt64(names.count).littleEndian) { Array($0) }
    try folder.write("model.safetensors", count + names + values)
  }

  @Test func thereAreFolders() { #expect(Self.names.count >= 3) }

  @Test(arguments: names, Form.allCases)
  func statesAndIdentityAreTheTextModels(_ name: String, _ form: Form) throws {
    let tiny = try TinyFolder(name)
    try TemporaryFolder.with { folder in
      try nested(name, form, in: folder)
      let whole = try ModelFolder.open(folder.path)
      let (plain, enclosed) = (try tiny.folder.architecture(), try whole.architecture())
      #expect(enclosed.isEqual(to: plain))
      #expect(enclosed.identityJSON == plain.identityJSON)
      #expect(try whole.catalogue().names == tiny.folder.catalogue().names)
      #expect(try whole.catalogue().sha256() == tiny.folder.catalogue().sha256())
      // What is left out is in the file all the same.
      #expect(try TensorCatalogue.open(folder.path).names.contains(form.others[0]))

      let source = try DecoderSource(whole)
      let reference = try DecoderSource(tiny.folder)
      for document in tiny.documents {
        for layer in 0...source.layerCount {
          let states = try source.states(document, layer: layer)
          #expect(try states == reference.states(document, layer: layer), "layer \(layer)")
          #expect(states.contains { $0 != 0 })
        }
      }
    }
  }

  /// One that is in the file twice, once by each name, is no model.
  @Test func aTensorUnderBothNamesIsRefused() throws {
    let name = try #require(Self.names.first)
    try TemporaryFolder.with { folder in
      try nested(name, .old, in: folder)
      let path = folder.path("model.safetensors")
      var file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      var header = try #require(
        try JSONSerialization.jsonObject(with: Data(file[8..<8 + length])) as? [String: Any])
      let values = file[(8 + length)...]
      header["model.language_model.norm.weight"] = header.removeValue(forKey: Form.old.others[0])
      let text = try JSONSerialization.data(withJSONObject: header)
      file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text + values
      try folder.write("model.safetensors", file)
      expectError("model.norm.weight", "twice") {
        try ModelFolder.open(folder.path).catalogue()
      }
    }
  }
}
