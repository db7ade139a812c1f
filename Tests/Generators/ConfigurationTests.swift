import Architectures
import Foundation
import Generators
import Identity
import Layers
import ModelFiles
import Runs
import TestSupport
import Testing

@Suite struct ConfigurationTests {
  @Test func generatorPromptIsWrittenInWords() {
    for (text, value) in [
      ("all", GeneratorPrompt.all), ("none", .none), ("last:7", .last(7)),
    ] {
      #expect(GeneratorPrompt(text) == value)
      #expect(value.description == text)
    }
    for text in ["", "last", "last:", "last:0", "last:-1", "some", "ALL"] {
      #expect(GeneratorPrompt(text) == nil)
    }
  }

  @Test func anEmptyPromptNeedsAStartToken() throws {
    #expect(try Fixture.prompt().conditioning.embeddedPrompt([]) == [1])
    let without = try Fixture.prompt(startToken: nil).conditioning
    #expect(throws: GeneratorError.self) { try without.embeddedPrompt([]) }
    #expect(try without.embeddedPrompt([5]) == [5])
  }

  static func configurations() throws -> [GeneratorConfiguration] {
    try Fixture.configurations()
      + Fixture.Family.allCases.flatMap {
        [
          try Fixture.prompt($0, .last(3), streams: Fixture.streams),
          try Fixture.prompt($0, arm: .none, .none),
        ]
      }
  }

  @Test(arguments: try configurations())
  func jsonHoldsAll(_ configuration: GeneratorConfiguration) throws {
    let json = try configuration.json()
    let read = try GeneratorConfiguration(json: json, path: "config.json")
    #expect(try read.json() == json)
    #expect(read.backbone.isEqual(to: configuration.backbone))
    #expect(read.streams == configuration.streams)
    #expect(read.conditioning.name == configuration.conditioning.name)
    #expect(read.conditioning.startToken == configuration.conditioning.startToken)
    #expect(read.needs == configuration.needs)
    func shapes(_ configuration: GeneratorConfiguration) -> [String] {
      configuration.tensors().map { "\($0.name) \($0.shape) \($0.range)" }
    }
    #expect(shapes(read) == shapes(configuration))
  }

  /// Sizes that no generator has are refused by their key, before anything is computed with them.
  @Test(arguments: [
    ("source_width", "0"), ("source_width", "-1"), ("source_width", "9223372036854775807"),
    ("source_widths", "[]"), ("source_widths", "[4, 0]"), ("source_widths", "[4, \"5\"]"),
    ("source_widths", "[1,1,1,1,1,1,1,1,1]"), ("bridge_heads", "-9223372036854775808"),
    ("bridge_heads", "7"), ("adapter_width", "0"), ("bridge_layers", "9223372036854775807"),
    ("bridge_layers", "1"), ("start_token", "53"), ("start_token", "-1"), ("mask", "\"published\""),
    ("generator_prompt", "\"last:0\""), ("conditioning", "\"telepathy\""),
    ("architecture", "\"bert\""), ("architecture", "\"mamba\""),
  ])
  func whatNoGeneratorHasIsRefused(key: String, value: String) throws {
    for family in Fixture.Family.allCases {
      let json = String(decoding: try Fixture.prompt(family).json(), as: UTF8.self)
      var lines = json.split(separator: "\n").filter { !$0.contains("\"\(key)\"") }
      if key == "source_widths" { lines.removeAll { $0.contains("\"source_width\"") } }
      lines.insert("\"\(key)\": \(value),", at: 1)
      let error = #expect(throws: GeneratorError.self) {
        try GeneratorConfiguration(
          json: Data(lines.joined(separator: "\n").utf8), path: "config.json")
      }
      let text = error?.description ?? ""
      let named = key == "source_widths" ? "source_width" : key
      #expect(text.contains(named) && !text.contains("\n"), "\(text)")
    }
  }

  @Test func theSeedDecidesTheStart() throws {
    for configuration in try Fixture.configurations() {
      for seeding in [TensorSeeding.index, .name] {
        func bits(_ seed: UInt64) throws -> [UInt32] {
          try Generator(configuration, seed: seed, seeding: seeding).valueBits
        }
        #expect(try bits(1) != bits(2))
        #expect(try bits(1) == bits(1))
      }
    }
  }

  /// A member of the configuration, as text.
  private func member(_ key: String, _ model: Generator) -> String? {
    let configuration = model.configuration
    return (configuration.backbone.checkpointMembers + configuration.conditioning.checkpointMembers)
      .first { $0.key == key }.map { "\($0.value)" }
  }

  @Test func importTakesThePapersNumbersWhereTheFileIsSilent() throws {
    try TemporaryFolder.with { folder in
      let path = folder.path("m")
      try Checkpoint.save(try Fixture.model(Fixture.aligned(.causal)), to: path)
      let stored = try TensorCatalogue.open(path + "/model.safetensors")
      func rewrite(_ keep: (String) -> Bool, _ metadata: [String: String] = [:]) throws -> String {
        let file = folder.path("\(UUID()).safetensors")
        let values = try stored.entries.filter { keep($0.name) }
          .map { ($0.name, $0.shape, try stored.floats($0.name)) }
        let buffers = values.map { entry in
          let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: entry.2.count)
          _ = buffer.initialize(from: entry.2)
          return (entry.0, entry.1, UnsafeBufferPointer(buffer))
        }
        defer { for buffer in buffers { buffer.2.deallocate() } }
        try SafetensorsWriter.write(path: file, tensors: buffers, metadata: metadata)
        return file
      }
      let silent = try rewrite { _ in true }
      let model = try WeightsImport.open(silent)
      #expect(member("heads", model) == "12")
      #expect(member("bridge_heads", model) == "8")
      #expect(member("window", model) == "256")
      #expect(member("mask", model) == "published")
      let told = try WeightsImport.open(
        silent, options: ImportOptions(headCount: 3, windowSize: 5, bridgeMask: .causal))
      #expect(member("heads", told) == "3" && member("mask", told) == "causal")

      for (file, named) in [
        (try rewrite { !$0.contains(".h.1.ln_1.weight") }, "gptneo.base_model.transformer.h"),
        (try rewrite({ _ in true }, ["heads": "many"]), "heads"),
      ] {
        let error = #expect(throws: GeneratorError.self) { try WeightsImport.open(file) }
        #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
      }
    }
  }
}
