import Architectures
import Foundation
import KnowledgeSource
import ModelFiles
import Testing

/// The decoder families by other ways than their folder: as GGUF, by an older configuration, beyond a length.
@Suite struct FamilyFolderTests {
  /// Files that llama.cpp's own converter made of folders of vectors.
  static let converted = ReferenceFolder.files(in: "gguf", endingWith: ".gguf")

  /// What a GGUF file does not say of its model, so that its states are others: how many positions of the first
  /// rows they are the folder's for, and up to which layer.
  private static let lost: [String: (positions: Int, layers: Int)] = [
    // The window: a row within it sees all.
    "mistral-window": (5, .max),
    "qwen3-window": (5, .max),
    "tiny-mistral": (9, .max),
    // That scores are scaled by the layer, which the first is not.
    "gpt2-by-layer": (.max, 1),
    // What queries are scaled by, and which layers see all.
    "gemma3-scaled": (1, .max),
    "tiny-gemma3": (1, .max),
  ]

  @Test(arguments: converted) func aConvertedFileGivesTheFoldersStates(_ name: String) throws {
    let tiny = try TinyFolder(name)
    let source = try Sources.open(
      ModelFolder.open(ReferenceFolder.path("gguf/\(name).gguf")))
    let (positions, layers) = Self.lost[name] ?? (.max, .max)
    for (place, document) in tiny.documents.enumerated() {
      let count = min(positions, document.count)
      for layer in 0...min(source.layerCount, layers) {
        let states = try source.states(Array(document.prefix(count)), layer: layer)
        let reference = try tiny.values("hidden_states.\(layer)", place)
        #expect(
          worstRelativeError(
            states, Array(reference.prefix(count * source.width)), width: source.width) <= 1e-5,
          "layer \(layer)")
      }
    }
  }

  @Test func everyFamilyHasAConvertedFile() throws {
    try #require(!Self.converted.isEmpty)
    let families = try Self.converted.map {
      try ModelFolder.open(ReferenceFolder.path("gguf/\($0).gguf")).architecture().family
    }
    // Mistral's are of the llama architecture; GPT-Neo's are none.
    #expect(
      Set(families) == [
        "llama", "qwen3", "gemma2", "gemma3_text", "phi3", "gpt_neox", "gpt2", "bert",
      ])
  }

  /// Folders with the configuration that transformers 4 writes.
  static let earlier = ReferenceFolder.names(with: ["config.json", "config-4.json"])

  @Test(arguments: earlier) func anEarlierConfigurationIsTheSameModel(_ name: String) throws {
    let registry = ArchitectureRegistry.builtIn
    let models = try ["config.json", "config-4.json"].map {
      try registry.configuration(
        ConfigurationReader(path: ReferenceFolder.path("\(name)/\($0)")))
    }
    #expect(models[0].isEqual(to: models[1]))
    #expect(models[0].identityJSON == models[1].identityJSON)
    #expect(models[0].maximumPositions == models[1].maximumPositions)
  }

  /// Rotary scalings that depend on a text's length, from some length on.
  @Test(arguments: ["llama-dynamic", "phi3-longrope"])
  func whatDependsOnTheLengthIsRefused(_ name: String) throws {
    let tiny = try TinyFolder(name)
    let source = try Sources.open(tiny.folder)
    let long = try TensorCatalogue.open(
      ReferenceFolder.path("\(name)-long/expected.safetensors"))
    let ids = try long.integers("input_ids").map { Int32($0) }
    let error = #expect(throws: KnowledgeSourceError.self) {
      try source.states(ids, layer: source.layerCount)
    }
    #expect("\(try #require(error))".contains("16 positions"))
    // The same tokens have other states in the longer text, so no beginning of it could be reused.
    let beginning = try source.states(Array(ids.prefix(16)), layer: 1)
    let reference = try long.floats("hidden_states.1").prefix(16 * source.width)
    #expect(worstRelativeError(beginning, Array(reference), width: source.width) > 1e-3)
  }
}
