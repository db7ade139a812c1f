import Architectures
import Foundation
import Generators
import Identity
import KnowledgeSource
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

/// Each decoder family's states, to the last bit, whatever way they are computed; and in 8 bits.
@Suite struct FamilyBitsTests {
  /// The folders of decoders that are computed.
  static let names = TinyFolder.names.filter {
    (try? TinyFolder.architecture($0))?.visibility == .causal
  }

  private func documents(_ source: any Source, longest: Int) -> [[Int32]] {
    [1, 5, 12, 0, longest, 3, 2, longest - 1].enumerated().map { place, length in
      var generator = SeededGenerator(seed: UInt64(place + 1))
      return generator.tokens(length, vocabulary: source.vocabularySize)
    }
  }

  private func bits(_ source: any Source, _ documents: [[Int32]], _ layer: Int) throws
    -> [[UInt32]]
  {
    let out = FloatBuffer(count: documents.reduce(0) { $0 + $1.count } * source.width)
    try source.states(batch: documents, layer: layer, into: out.base)
    return out.bits(ofDocuments: documents.map(\.count), width: source.width)
  }

  @Test(arguments: names, Precision.allCases)
  func statesDoNotDependOnTheWay(_ name: String, _ precision: Precision) throws {
    let source = try DecoderSource(
      ModelFolder.open(ReferenceFolder.path(name)), precision: precision)
    let documents = documents(source, longest: min(source.maximumPositions, 40))
    for layer in 1...source.layerCount {
      let alone = try documents.map { try bits(source, [$0], layer)[0] }
      #expect(try bits(source, documents, layer) == alone, "batched")
      let oneThread = try ThreadTeam.shared.limited(to: 1) {
        try bits(source, documents.reversed(), layer)
      }
      #expect(oneThread == alone.reversed(), "on one thread")
      for (document, whole) in zip(documents, alone) where document.count > 1 {
        for size in [1, 7] {
          let session = try source.makeSession(capacity: document.count, layer: layer)
          var pieces: [UInt32] = []
          for first in stride(from: 0, to: document.count, by: size) {
            let ids = Array(document[first..<min(first + size, document.count)])
            let out = FloatBuffer(count: ids.count * source.width)
            try session.append(ids, into: out.base)
            pieces += out.bits
          }
          #expect(pieces == whole, "in pieces of \(size)")
        }
        let beginning = try bits(source, [Array(document.dropLast())], layer)[0]
        #expect(whole.starts(with: beginning), "a token sees none after it")
      }
    }
  }

  /// The program's states of a text under each set of instructions that this CPU has.
  @Test(arguments: names) func statesDoNotDependOnTheInstructions(_ name: String) throws {
    try TemporaryFolder.with { folder in
      let source = try ReferenceFolder.copy(name, to: folder.path)
      try Self.letters(source).write(
        toFile: source + "/tokenizer.json", atomically: true, encoding: .utf8)
      var states: [Data] = []
      for engine in ["portable", "avx2", "avx512"] {
        let out = folder.path("\(engine).safetensors")
        let outcome = try RunningProgram(
          Program.path,
          ["states", "--source", source, "--layer", "-1", "--out", out, "abcdefghijkl"],
          in: folder.path, environment: ["DENJU_SIMD=\(engine)"]
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        states.append(try Data(contentsOf: URL(fileURLWithPath: out)))
      }
      #expect(states[0] == states[1] && states[1] == states[2])
    }
  }

  /// A tokenizer of the first letters, one token each, and of what else the model has ids for.
  private static func letters(_ source: String) throws -> String {
    let count = try ModelFolder.open(source).architecture().vocabularySize
    let tokens = (0..<count).map { id in
      id < 26 ? String(UnicodeScalar(UInt8(ascii: "a") + UInt8(id))) : "#\(id)"
    }
    let vocabulary = tokens.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
    let step =
      #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#
    return """
      {"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":\(step),\
      "post_processor":null,"decoder":\(step),\
      "model":{"type":"BPE","vocab":{\(vocabulary)},"merges":[]}}
      """
  }

  static let families = ArchitectureRegistry.builtIn.families.compactMap {
    $0 as? any GeneratorArchitecture.Type
  }.map { $0.family }

  /// The last state of a text in 8 bits, over its tokens, at widths that are and are not multiples of a group's 32.
  @Test(arguments: families, [64, 72]) func int8IsClose(_ family: String, _ width: Int) throws {
    let type = try #require(
      ArchitectureRegistry.builtIn[family] as? any GeneratorArchitecture.Type)
    let backbone = try type.init(
      design: BackboneDesign(
        architecture: family, layers: 4, width: width, heads: 4, positions: 64, window: 9,
        vocabulary: 211))
    let configuration = try GeneratorConfiguration(
      backbone: backbone,
      conditioning: PromptConditioning(
        design: ConditioningDesign(
          name: PromptConditioning.name, arm: .none, layers: 4, width: width, sourceWidth: 8,
          bridgeHeads: 4)),
      streams: [StreamShape(width: 8)])
    let generator = try Generator(configuration, seed: 7)
    let heads = backbone.block(0).attention.heads
    // As wide as weights of this width are trained to be, so that layers weigh beside the embedding.
    for tensor in generator.parameters.tensors where tensor.shape.count == 2 {
      var scale = 1 / (0.02 * Float(tensor.shape[1]).squareRoot())
      // Where scores are not scaled, training makes weights do it.
      if heads.queryScale == 1, tensor.name.contains("q_proj") {
        scale /= Float(heads.size).squareRoot()
      }
      let base = generator.parameters.base(of: tensor)
      for i in tensor.range.indices { base[i - tensor.range.lowerBound] *= scale }
    }
    let source = try TemporaryFolder.with { folder in
      let merged = generator.mergedTensors()
      try withExtendedLifetime(merged) {
        try SafetensorsWriter.write(
          path: folder.path("model.safetensors"), tensors: merged.tensors)
      }
      var members: [String: any Encodable] = [:]
      for (key, value) in backbone.huggingFaceMembers { members[key] = value }
      try folder.write("config.json", String(decoding: JSONText.data(members), as: UTF8.self))
      return try DecoderSource(ModelFolder.open(folder.path), precision: .int8)
    }
    var random = SeededGenerator(seed: 3)
    let ids = random.tokens(40, vocabulary: 211)
    let error = try source.errorAgainstFloat32(ids, layer: source.layerCount)
    #expect(error > 0 && error < 0.03, "\(error)")
  }
}
