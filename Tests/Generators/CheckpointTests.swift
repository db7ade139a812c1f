import Architectures
import Foundation
import Generators
import Layers
import ModelFiles
import Numerics
import Runs
import TestSupport
import Testing

@Suite struct CheckpointTests {
  /// One step of training, as a loop would take it.
  private func step(_ model: Generator, _ optimizer: AdamW) throws {
    let parameters = model.parameters
    parameters.clearGradients()
    let plan = DropoutPlan(
      rates: DropoutRates(residual: 0.1, crossAttention: 0.1), seed: 3,
      step: UInt64(optimizer.stepCount))
    _ = try model.forwardBackward(
      Fixture.documents(model.configuration), loss: .response, lossScale: 0.1, dropout: plan)
    let norm = GradientClipping.norm(parameters.gradients, count: parameters.count)
    let groups = ParameterGroup.allCases.map {
      AdamW.Group(range: parameters.range(of: $0), learningRate: $0 == .bridge ? 1e-3 : 5e-4)
    }
    optimizer.step(
      parameters.values, parameters.gradients, groups: groups,
      gradientScale: GradientClipping.scale(norm: norm, limit: 1))
  }

  @Test(arguments: try Fixture.configurations())
  func resumingIsNeverHavingStopped(_ configuration: GeneratorConfiguration) throws {
    try TemporaryFolder.with { folder in
      let model = try Generator(configuration, seed: 4)
      let optimizer = AdamW(count: model.parameters.count)
      for _ in 0..<3 { try step(model, optimizer) }
      let path = folder.path("last")
      try Checkpoint.save(
        model, to: path, optimizer: optimizer, files: ["training.json": Data("{}".utf8)])
      for _ in 0..<3 { try step(model, optimizer) }

      let resumed = try Checkpoint.load(path)
      #expect(resumed.configuration == configuration)
      let moments = try Checkpoint.loadOptimizer(
        path, for: resumed.parameters, settings: optimizer.settings)
      #expect(moments.stepCount == 3)
      for _ in 0..<3 { try step(resumed, moments) }
      #expect(resumed.valueBits == model.valueBits)
      #expect(FileManager.default.contents(atPath: path + "/training.json") == Data("{}".utf8))

      // The module's own names are the import's.
      guard configuration.backbone.family == "gpt_neo" else { return }
      let imported = try WeightsImport.open(path + "/model.safetensors")
      #expect(imported.valueBits == (try Checkpoint.load(path)).valueBits)
    }
  }

  /// A step count that no run comes to is no step count: a sum with it would overflow.
  @Test(arguments: ["9223372036854775807", "9007199254740993", "-1", "ten", ""])
  func stepsThatNoRunTakesAreRefused(_ steps: String) throws {
    try TemporaryFolder.with { folder in
      let path = folder.path("last")
      let model = try Generator(Fixture.prompt(), seed: 4)
      let optimizer = AdamW(count: model.parameters.count)
      try step(model, optimizer)
      try Checkpoint.save(model, to: path, optimizer: optimizer)
      let stored = try TensorCatalogue.open(path + "/optimizer.safetensors")
      let values = try stored.entries.map { ($0.name, $0.shape, try stored.floats($0.name)) }
      let buffers = values.map {
        ($0.0, $0.1, UnsafeBufferPointer(UnsafeMutableBufferPointer<Float>.copy(of: $0.2)))
      }
      defer { for buffer in buffers { buffer.2.deallocate() } }
      func load(_ steps: String) throws -> AdamW {
        try SafetensorsWriter.write(
          path: path + "/optimizer.safetensors", tensors: buffers, metadata: ["step": steps])
        return try Checkpoint.loadOptimizer(
          path, for: model.parameters, settings: optimizer.settings)
      }
      #expect(try load("9007199254740992").stepCount == 1 << 53)
      let error = #expect(throws: GeneratorError.self) { try load(steps) }
      let text = error?.description ?? ""
      #expect(text.contains("metadata key step") && !text.contains("\n"), "\(text)")
    }
  }

  /// A head of its own is kept, and known when the checkpoint is read.
  @Test(arguments: [true, false])
  func untiedHeadsAreKept(isTied: Bool) throws {
    var neo = try #require(try Fixture.Family.gptNeo.backbone() as? GPTNeo)
    neo.tiedEmbeddings = isTied
    var decoder = try #require(try Fixture.Family.llama.backbone() as? Llama).decoder
    decoder.tiedEmbeddings = isTied
    for backbone in [neo, Llama(decoder)] as [any GeneratorArchitecture] {
      try TemporaryFolder.with { folder in
        let model = try Fixture.model(Fixture.prompt(backbone))
        #expect((model.parameters["lm_head.weight"] == nil) == isTied)
        try Checkpoint.save(model, to: folder.path("best"))
        #expect(try Checkpoint.load(folder.path("best")).valueBits == model.valueBits)
      }
    }
  }

  @Test func aNewCheckpointTakesTheOldOnesPlaceWhole() throws {
    try TemporaryFolder.with { folder in
      let path = folder.path("best")
      let models = try (1...2).map { try Generator(Fixture.prompt(), seed: $0) }
      try Checkpoint.save(models[0], to: path, files: ["old": Data()])
      try Checkpoint.save(models[1], to: path)
      #expect(try Checkpoint.load(path).valueBits == models[1].valueBits)
      // Nothing of the old one and nothing temporary is left.
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(names == ["best"])
      let files = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
      #expect(files == ["config.json", "model.safetensors"])
    }
  }

  @Test func whatCannotBeWrittenLeavesTheOldOne() throws {
    try TemporaryFolder.with { folder in
      let model = try Generator(Fixture.prompt(), seed: 1)
      try Data().write(to: URL(fileURLWithPath: folder.path("file")))
      #expect(throws: GeneratorError.self) {
        try Checkpoint.save(model, to: folder.path("file/best"))
      }
      try Checkpoint.save(model, to: folder.path("best"))
      #expect(throws: GeneratorError.self) {
        try Checkpoint.save(model, to: folder.path("best"), files: ["no/such/folder": Data()])
      }
      #expect(try Checkpoint.load(folder.path("best")).valueBits == model.valueBits)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
          "best", "file",
        ])
    }
  }

  @Test(arguments: [Float.nan, .infinity]) func weightsThatAreNoNumbersAreRefused(
    value: Float
  ) throws {
    try TemporaryFolder.with { folder in
      let model = try Generator(Fixture.prompt(), seed: 1)
      let tensor = model.parameters.tensors[3]
      model.parameters.base(of: tensor)[1] = value
      try Checkpoint.save(model, to: folder.path("best"))
      let error = #expect(throws: GeneratorError.self) {
        try Checkpoint.load(folder.path("best"))
      }
      #expect(error?.description.contains(tensor.name) == true)
    }
  }

  @Test func damageIsNamedInOneLine() throws {
    try TemporaryFolder.with { folder in
      let path = folder.path("best")
      let model = try Generator(Fixture.prompt(), seed: 1)
      try Checkpoint.save(model, to: path)
      let configuration = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
      let weights = try TensorCatalogue.open(path + "/model.safetensors")
      let values = try Dictionary(
        uniqueKeysWithValues: weights.names.map { ($0, try weights.floats($0)) })

      func refused(_ expected: String) {
        let error = #expect(throws: GeneratorError.self) { try Checkpoint.load(path) }
        let text = error?.description ?? ""
        #expect(text.contains(expected) && !text.contains("\n"), "\(text)")
      }
      func write(_ text: String) throws {
        try text.write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
      }
      func writeWeights(_ change: (inout [String: [Float]], inout [String: [Int]]) -> Void) throws {
        var values = values
        var shapes = Dictionary(uniqueKeysWithValues: weights.entries.map { ($0.name, $0.shape) })
        change(&values, &shapes)
        let buffers = values.mapValues { UnsafeMutableBufferPointer<Float>.copy(of: $0) }
        defer { for buffer in buffers.values { buffer.deallocate() } }
        try SafetensorsWriter.write(
          path: path + "/model.safetensors",
          tensors: buffers.map { ($0.key, shapes[$0.key] ?? [], UnsafeBufferPointer($0.value)) })
      }

      try write("{\"conditioning\": \"prompt\"")
      refused("not JSON")
      try write("{\"conditioning\": \"telepathy\"}")
      refused("conditioning")
      try write(configuration.replacing("\"width\" : 24", with: "\"width\" : \"wide\""))
      refused("width")
      try write(configuration.replacing("\"width\" : 24", with: "\"width\" : 9223372036854775807"))
      refused("width")
      try write(configuration.replacing("\"heads\" : 3", with: "\"heads\" : 0"))
      refused("heads")
      try write(configuration.replacing("\"heads\" : 3", with: "\"heads\" : 5"))
      refused("divisor")
      try write(configuration.replacing("\"vocabulary\" : 53", with: "\"vocabulary\" : 16777216"))
      refused("shape [16777216, 24]")
      try write(configuration.replacing("\"mask\" : \"causal\"", with: "\"mask\" : \"published\""))
      refused("mask")
      try write(configuration)
      #expect(try Checkpoint.load(path).valueBits == model.valueBits)

      try writeWeights { values, _ in values["gpt.h.1.ln_1.bias"] = nil }
      refused("gpt.h.1.ln_1.bias")
      try writeWeights { _, shapes in shapes["gpt.wpe.weight"] = [24, 40] }
      refused("gpt.wpe.weight")
      try writeWeights { values, shapes in
        values["gpt.extra"] = [1]
        shapes["gpt.extra"] = [1]
      }
      refused("gpt.extra")
      try FileManager.default.removeItem(atPath: path + "/model.safetensors")
      refused("model.safetensors")
      try FileManager.default.removeItem(atPath: path + "/config.json")
      refused("config.json")
    }
  }
}

extension UnsafeMutableBufferPointer<Float> {
  fileprivate static func copy(of values: [Float]) -> UnsafeMutableBufferPointer<Float> {
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
    _ = buffer.initialize(from: values)
    return buffer
  }
}
