import Architectures
import Foundation
import Layers
import ModelFiles
import TestSupport
import Testing

/// What a checkpoint's `config.json` has of a backbone, and what it refuses.
@Suite struct CheckpointMembersTests {
  static let families: [any GeneratorArchitecture.Type] = [
    GPTNeo.self, Llama.self, Qwen2.self, Qwen3.self, Mistral.self, Gemma2.self, Gemma3.self,
    Phi3.self,
    GPTNeoX.self, GPT2.self,
  ]

  private static func design(_ architecture: String) -> BackboneDesign {
    BackboneDesign(
      architecture: architecture, layers: 3, width: 48, heads: 4,
      keyValueHeads: architecture.hasPrefix("gpt") ? nil : 2, positions: 40, window: 5,
      vocabulary: 53)
  }

  /// The members as text, some changed; a change to nil removes the key.
  private func text(
    _ architecture: any GeneratorArchitecture, _ changes: [String: String?] = [:]
  ) throws -> String {
    let members = try architecture.checkpointMembers.filter { changes[$0.key] == nil }.map {
      "\"\($0.key)\": \(String(decoding: try encoded($0.value), as: UTF8.self))"
    }
    let changed = changes.compactMap { key, value in value.map { "\"\(key)\": \($0)" } }
    return "{" + (members + changed).joined(separator: ", ") + "}"
  }

  private func encoded(_ value: any Encodable) throws -> Data {
    try JSONEncoder().encode(value)
  }

  private func read<Family: GeneratorArchitecture>(
    _ family: Family.Type, _ text: String
  ) throws -> any GeneratorArchitecture {
    try TemporaryFolder.with { folder in
      try family.init(
        checkpoint: ConfigurationReader(path: folder.write("config.json", text)))
    }
  }

  @Test func theBuiltInGeneratorsAreThese() {
    let generators = ArchitectureRegistry.builtIn.families.filter {
      $0 is any GeneratorArchitecture.Type
    }
    #expect(Set(generators.map { $0.family }) == Set(Self.families.map { $0.family }))
  }

  @Test func membersAreReadBack() throws {
    for family in Self.families {
      var originals = [try family.init(design: Self.design(family.family))]
      if let llama = originals[0] as? Llama {
        var decoder = llama.decoder
        decoder.tiedEmbeddings = false
        decoder.sizes.headSize = 10
        decoder.sizes.intermediateSize = 20
        decoder.ropeTheta = 500_000
        decoder.rmsNormEpsilon = 1e-6
        originals.append(Llama(decoder))
        for biases in [ProjectionBiases.attention, .feedForward, [.attention, .feedForward]] {
          decoder.biases = biases
          originals.append(Llama(decoder))
        }
      }
      if var neo = originals[0] as? GPTNeo {
        neo.attentionKinds = [.local, .local, .global]
        neo.layerNormEpsilon = 1e-6
        neo.tiedEmbeddings = false
        originals.append(neo)
      }
      for original in originals {
        let back = try read(family, try text(original))
        #expect(back.isEqual(to: original))
        #expect(back.identityJSON == original.identityJSON)
        #expect(back.maximumPositions == original.maximumPositions)
      }
    }
  }

  /// The `config.json` of an exported folder is read as the same model.
  @Test func huggingFaceMembersAreReadBack() throws {
    var biased = try Llama(design: Self.design(Llama.family)).decoder
    biased.biases = [.attention, .feedForward]
    for original in try Self.families.map({
      try $0.init(design: Self.design($0.family)) as any GeneratorArchitecture
    }) + [Llama(biased)] {
      let members = try original.huggingFaceMembers.map {
        "\"\($0.key)\": \(String(decoding: try encoded($0.value), as: UTF8.self))"
      }
      try TemporaryFolder.with { folder in
        let file = try folder.write("config.json", "{" + members.joined(separator: ",") + "}")
        let back = try ArchitectureRegistry.builtIn.configuration(ConfigurationReader(path: file))
        #expect(back.isEqual(to: original))
        #expect(back.maximumPositions == original.maximumPositions)
      }
    }
  }

  @Test func namesGoBothWays() throws {
    for family in Self.families {
      let original = try family.init(design: Self.design(family.family))
      let block = original.block(1)
      for name in [
        original.embedding.tokens, "\(block.attention.query.name).weight",
        "\(block.attentionNorm).weight", "lm_head.weight",
        "\(try #require(original.finalNorm).name).weight",
      ] {
        for replaces in [true, false] {
          let stored = original.checkpointName(name, replacesEmbeddings: replaces)
          #expect(original.fileName(stored, replacesEmbeddings: replaces) == name)
        }
      }
    }
  }

  @Test(
    "what no generator has is refused by its key, and nothing overflows",
    arguments: [
      "0", "-1", "-9223372036854775808", "9223372036854775807", "4611686018427387904",
      "99999999999999999999", "1e300", "\"48\"", "[]", "16777217",
    ])
  func hostile(value: String) throws {
    for family in Self.families {
      let original = try family.init(design: Self.design(family.family))
      for (key, _) in original.checkpointMembers where key != "architecture" && key != "tied_head" {
        // Epsilons and bases may be large.
        if key.hasSuffix("rope_theta") || key.hasSuffix("epsilon"), (Double(value) ?? -1) > 0 {
          continue
        }
        let changed = try text(original, [key: value])
        expectError("config.json") { try read(family, changed) }
      }
    }
  }

  @Test func absentKeysAreNamed() throws {
    for family in Self.families {
      let original = try family.init(design: Self.design(family.family))
      for (key, _) in original.checkpointMembers where key != "architecture" {
        let changed = try text(original, [key: nil])
        expectError(key, "missing") { try read(family, changed) }
      }
    }
  }

  @Test func sizesThatContradictEachOther() throws {
    let llama = try Llama(design: Self.design("llama"))
    for (key, value) in [("key_value_heads", "3"), ("key_value_heads", "8"), ("head_size", "7")] {
      let changed = try text(llama, [key: value])
      expectError("config.json", "head") { try read(Llama.self, changed) }
    }
    let neo = try GPTNeo(design: Self.design("gpt_neo"))
    for (key, value) in [
      ("heads", "5"), ("attention_layers", "[]"), ("attention_layers", "[\"sparse\"]"),
      ("layer_norm_epsilon", "1"),
    ] {
      let changed = try text(neo, [key: value])
      expectError(key) { try read(GPTNeo.self, changed) }
    }
  }

  @Test(arguments: [Int.min, -1, 0, 1 << 25, .max])
  func hostileDesigns(_ size: Int) throws {
    for family in Self.families {
      for path in [
        \BackboneDesign.layers, \.width, \.heads, \.positions, \.window, \.vocabulary,
      ] {
        if path == \.window, family.family != "gpt_neo" { continue }
        var design = Self.design(family.family)
        design[keyPath: path] = size
        expectError("generator") { try family.init(design: design) }
      }
      guard family.family != "gpt_neo" else { continue }
      var design = Self.design(family.family)
      design.keyValueHeads = size
      expectError("key") { try family.init(design: design) }
    }
  }
}
