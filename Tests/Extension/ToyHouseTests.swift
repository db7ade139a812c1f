import Architectures
import FeatureCache
import Foundation
import Generation
import Generators
import Identity
import KnowledgeSource
import Layers
import ModelFiles
import Numerics
import Precompute
import Runs
import TestSupport
import Testing
import Tokenization
import Training

/// A family, a whole-document source, a conditioning, a codec and a corpus form that the program does not have
/// are each a file here and a registry line: every stage runs with them, none knows them.
@Suite struct ToyHouseTests {
  @Test func `what is cached of a whole-document source depends on its whole document`() throws {
    let toys = try Extended()
    let report = try toys.precompute()
    #expect(report.documents == 18)
    let cache = try FeatureCache.open(toys.cache, codecs: Extended.codecs)
    defer { try? cache.close() }
    #expect(cache.identity.scope == .document && cache.codec.name == "turned")
    #expect(try cache.verify().isEmpty)

    let source = try Sources.open(
      ModelFolder.open(toys.source.path), architectures: Extended.generators.architectures)
    for entry in try cache.documents().prefix(3) {
      let ids = try cache.document(entry.id).promptIDs
      var (stored, computed) = (
        [Float](repeating: 0, count: ids.count * source.width),
        [Float](repeating: 1, count: ids.count * source.width)
      )
      _ = try stored.withUnsafeMutableBufferPointer {
        try cache.states(of: entry.id, .prompt, into: $0)
      }
      try source.states(ids, layer: source.layerCount, into: &computed)
      #expect(stored.bits == computed.bits)
      // A first token's state is another when the last one is.
      try source.states(
        ids.dropLast() + [ids[0]], layer: source.layerCount, into: &computed)
      #expect(stored.prefix(source.width).bits != computed.prefix(source.width).bits)
      // A beginning of the prompt is no hit.
      #expect(try !cache.contains(tokenIDs: ids.dropLast()))
    }
  }

  @Test func `it trains, and answers from the cache as from the source`() throws {
    let toys = try Extended()
    try toys.precompute()
    let report = try toys.train()
    let first = try #require(report.firstLoss)
    // A start from random weights is near the uniform distribution over 401 tokens.
    #expect(abs(first - Foundation.log(401)) < 0.7)
    #expect(report.trainLoss < 0.1, "it can learn its corpus by heart")

    let generator = try toys.generator()
    #expect(generator.configuration.backbone is Ripple)
    #expect(generator.configuration.conditioning is MeanConditioning)
    let computing = try toys.generator(usesCache: false)
    for (prompt, response) in zip(Extended.prompts, Extended.responses).prefix(6) {
      let reused = try generator.generate(.raw(prompt), SamplingOptions(maxTokens: 12))
      #expect(reused.states == .reused)
      #expect(reused.text == response && reused.finish == .stop)
      let computed = try computing.generate(.raw(prompt), SamplingOptions(maxTokens: 12))
      #expect(computed.states == .recomputed)
      #expect(computed.ids == reused.ids)
    }
    let new = try generator.generate(.raw("The sea of nowhere is"), SamplingOptions(maxTokens: 4))
    #expect(new.states == .recomputed)
  }

  @Test func `a toy objective is what is trained, over a toy communicator`() throws {
    let toys = try Extended()
    try toys.precompute()
    let witness = Witness()
    let report = try toys.train(communicator: witness) {
      $0.objective = Twice.name
      $0.epochs = 2
    }
    // The uniform distribution's loss, twice.
    #expect(abs(try #require(report.firstLoss) - 2 * Foundation.log(401)) < 1.4)
    // A sum of all gradients a step: three an epoch of 18 documents.
    #expect(report.steps == 6 && witness.gradients.count == 6 && witness.figures == 6)
    let model = try Checkpoint.load(RunFolder(toys.run).best, Extended.generators)
    #expect(witness.gradients.allSatisfy { $0 == model.parameters.count })
  }

  /// The toy reads what it is given: central differences of the loss are its gradients.
  @Test func `the toy conditioning's gradients are the loss's slopes`() throws {
    let configuration = try GeneratorConfiguration(
      backbone: Ripple(
        design: BackboneDesign(
          architecture: Ripple.family, layers: 2, width: 16, heads: 2, positions: 32, window: 0,
          vocabulary: 53)),
      conditioning: MeanConditioning(
        design: ConditioningDesign(
          name: MeanConditioning.name, layers: 2, width: 16, sourceWidth: 6)),
      streams: [StreamShape(width: 6)])
    let model = try Generator(configuration, seed: 3)
    var generator = SeededGenerator(seed: 4)
    let documents = (1...3).map { size in
      GeneratorDocument(
        states: [(0..<6 * size).map { _ in generator.normal() }],
        prompt: generator.tokens(2 + size), response: generator.tokens(5))
    }
    _ = try model.forwardBackward(documents, lossScale: 1)
    for name in ["mean.weight", "mean.bias", "ripple.1.gate.weight", "ripple.tokens.weight"] {
      let tensor = try #require(model.parameters[name])
      let gradients = Array(model.parameters.gradients(of: tensor))
      let base = model.parameters.base(of: tensor)
      for index in stride(from: 0, to: tensor.range.count, by: 7).prefix(8) {
        let (value, step): (Float, Float) = (base[index], 1e-2)
        base[index] = value + step
        let above = try model.evaluate(documents).lossSum
        base[index] = value - step
        let below = try model.evaluate(documents).lossSum
        base[index] = value
        let slope = (above - below) / Double(2 * step)
        // Differences of float32 losses near 60, and terms of third order.
        #expect(
          abs(slope - Double(gradients[index])) < 2e-2 + 2e-2 * abs(slope),
          "\(name)[\(index)]: \(slope) and \(gradients[index])")
      }
    }
  }

  @Test func `batched steps of toys give the bits of each alone`() throws {
    let toys = try Extended()
    try toys.precompute()
    _ = try toys.train { $0.epochs = 1 }
    let decoder = GeneratorDecoder(
      try Checkpoint.load(RunFolder(toys.run).best, Extended.generators))
    var generator = SeededGenerator(seed: 9)
    let inputs = (0..<5).map { size in
      (
        tokens: generator.tokens(3 + size, vocabulary: 401),
        states: (0..<(1 + size) * Extended.shape.width).map { _ in generator.normal() }
      )
    }
    func steps(_ places: [Int]) throws -> [[[UInt32]]] {
      let sessions = places.map { _ in decoder.makeSession() }
      var found: [[[UInt32]]] = places.map { _ in [] }
      for step in 0..<3 {
        let results = try decoder.step(
          places.enumerated().map { place, input in
            StepPiece(
              sessions[place], tokens: step == 0 ? inputs[input].tokens : [Int32(step + input)],
              states: step == 0 ? [inputs[input].states] : [])
          })
        for (place, result) in results.enumerated() { found[place].append(result.logits.bits) }
      }
      return found
    }
    let together = try steps([0, 1, 2, 3, 4])
    for place in inputs.indices { #expect(try steps([place])[0] == together[place]) }
  }

  @Test func `what a toy refuses is refused by the flag's name, before there is a folder`() throws {
    let toys = try Extended()
    try toys.precompute()
    for (name, change) in [
      ("states", { $0.states = .none }), ("loss", { $0.loss = .all }),
    ] as [(String, (inout TrainingOptions) -> Void)] {
      #expect {
        try toys.train(Extended.design(), change)
      } throws: { error in
        guard case .invalidOption(name, _, _) = error as? TrainingError else { return false }
        return true
      }
    }
    var options = try toys.options()
    options.coverage = .document
    #expect(throws: PrecomputeError.noSteps(family: "pond")) { try Precompute(options) }
    #expect(!FileManager.default.fileExists(atPath: toys.run))
  }

  @Test func `who does not have the toys is told what there is`() throws {
    let toys = try Extended()
    var options = try toys.options()
    options.architectures = .builtIn
    expect("model_type llama, qwen2,", "gpt2 or bert") { _ = try Precompute(options) }
    try toys.precompute()
    expect("turned", "int8") { _ = try FeatureCache.open(toys.cache) }
    _ = try toys.train { $0.epochs = 1 }
    let best = RunFolder(toys.run).best
    expect("ripple", "gpt_neo") {
      _ = try Checkpoint.load(
        best, GeneratorRegistries(conditionings: Extended.generators.conditionings))
    }
    expect("mean", "prompt or aligned") {
      _ = try Checkpoint.load(
        best, GeneratorRegistries(architectures: Extended.generators.architectures))
    }
  }

  private func expect(
    _ words: String..., sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    do {
      try body()
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch {
      for word in words {
        #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation)
      }
    }
  }
}
