import Foundation
import GenerationModule
import ModelFiles
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
    var configuration = Fixture.prompt
    #expect(try configuration.embeddedPrompt([]) == [1])
    configuration.startToken = nil
    #expect(throws: GenerationModuleError.self) { try configuration.embeddedPrompt([]) }
    #expect(try configuration.embeddedPrompt([5]) == [5])
  }

  @Test(arguments: Fixture.configurations)
  func jsonHoldsAll(_ configuration: GeneratorConfiguration) throws {
    var configuration = configuration
    configuration.source = ["layer": "30", "weights": "ab/cd"]
    configuration.generatorPrompt = .last(3)
    let json = try JSONEncoder().encode(configuration)
    #expect(try JSONDecoder().decode(GeneratorConfiguration.self, from: json) == configuration)
  }

  @Test func theSeedDecidesTheStart() throws {
    for configuration in Fixture.configurations {
      let bits = try (1...2).map { try configuration.makeModel(seed: $0).valueBits }
      #expect(bits[0] != bits[1])
      #expect(try configuration.makeModel(seed: 1).valueBits == bits[0])
    }
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
      #expect(model.configuration.headCount == 12)
      #expect(model.configuration.bridgeHeadCount == 8)
      #expect(model.configuration.windowSize == 256)
      #expect(model.configuration.bridgeMask == .published)
      let told = try WeightsImport.open(
        silent, options: ImportOptions(headCount: 3, windowSize: 5, bridgeMask: .causal))
      #expect(told.configuration.headCount == 3 && told.configuration.bridgeMask == .causal)

      for (file, named) in [
        (try rewrite { !$0.contains(".h.1.ln_1.weight") }, "gptneo.base_model.transformer.h"),
        (try rewrite({ _ in true }, ["heads": "many"]), "heads"),
      ] {
        let error = #expect(throws: GenerationModuleError.self) { try WeightsImport.open(file) }
        #expect(error?.description.contains(named) == true, "\(error?.description ?? "")")
      }
    }
  }
}
