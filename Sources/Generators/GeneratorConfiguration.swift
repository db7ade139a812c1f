import Architectures
import Foundation
import Layers
import ModelFiles

/// Everything besides the weights that decides what a generator computes. Stored as a checkpoint's
/// `config.json`: the backbone's members and the conditioning's, side by side.
public struct GeneratorConfiguration: Sendable {
  public let backbone: any GeneratorArchitecture
  public let conditioning: any Conditioning
  /// What it reads; a run has one today.
  public let streams: [StreamShape]

  /// Throws `configuration`, naming the key, unless a generator can be built.
  public init(
    backbone: any GeneratorArchitecture, conditioning: any Conditioning, streams: [StreamShape]
  ) throws(GeneratorError) {
    try Backbone.check(backbone)
    try conditioning.validate(backbone, streams: streams)
    self.backbone = backbone
    self.conditioning = conditioning
    self.streams = streams
  }

  public var vocabularySize: Int { backbone.vocabularySize }
  /// The longest sequence.
  public var positions: Int { backbone.maximumPositions }
  public var needs: SourceNeeds { conditioning.needs }
  /// How many gates there are, whose means a pass gives.
  public var gateCount: Int { conditioning.gateCount }

  /// The tensors of such a generator; no memory is taken to list them.
  public func tensors(training: TrainedParts = .all) -> [ParameterTensor] {
    GeneratorNetwork(self, training: training, isPretrained: false).layout.tensors
  }

  /// Values that training changes.
  public func parameterCount(training: TrainedParts = .all) -> Int {
    tensors(training: training).reduce(0) { $0 + ($1.isTrained ? $1.range.count : 0) }
  }
}

/// What generators are made of: the families and conditionings that a program knows.
public struct GeneratorRegistries: Sendable {
  public var architectures: ArchitectureRegistry
  public var conditionings: ConditioningRegistry

  public init(
    architectures: ArchitectureRegistry = .builtIn,
    conditionings: ConditioningRegistry = .builtIn
  ) {
    self.architectures = architectures
    self.conditionings = conditionings
  }

  public static let builtIn = GeneratorRegistries()
}

// MARK: config.json

extension GeneratorConfiguration {
  static let defaultArchitecture = GPTNeo.family

  /// The text of `config.json`, keys sorted.
  ///
  /// - Parameter training: what of the generator its checkpoints hold; all, unless something is frozen.
  public func json(training: TrainedParts = .all) throws(GeneratorError) -> Data {
    var members: [String: any Encodable] = ["conditioning": conditioning.name]
    if training != .all { members["train"] = training }
    // What the states must be: not written here, but a key that has always been there.
    members["source"] = [String: String]()
    if streams.count == 1 {
      members["source_width"] = streams[0].width
    } else {
      members["source_widths"] = streams.map(\.width)
    }
    // The first family is the one of a configuration that names none.
    if backbone.family != Self.defaultArchitecture { members["architecture"] = backbone.family }
    for (key, value) in backbone.checkpointMembers + conditioning.checkpointMembers {
      guard members.updateValue(value, forKey: key) == nil else {
        throw .configuration(item: key, expected: "one meaning", found: "two of them")
      }
    }
    do {
      return try JSONText.data(members)
    } catch {
      throw .configuration(
        item: "config.json", expected: "numbers that JSON has a form for", found: "others")
    }
  }

  /// Reads `config.json`. Throws `checkpoint` for text that is not JSON, and by its key what is missing, unknown or no
  /// generator's.
  public init(
    json data: Data, path: String, architectures: ArchitectureRegistry = .builtIn,
    conditionings: ConditioningRegistry = .builtIn
  ) throws(GeneratorError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: Array(data), file: path) } catch {
      throw .checkpoint(
        path: path, item: "JSON", expected: "a generator's configuration",
        found: "text that is not JSON: \(error)")
    }
    let (backbone, conditioning, streams) = try readingFiles { () throws(ModelFileError) in
      let reader = try ConfigurationReader(value, file: path)
      let family = try reader.string("architecture") ?? Self.defaultArchitecture
      guard let architecture = architectures[family] as? any GeneratorArchitecture.Type else {
        throw reader.unsupported(
          "architecture", .string(family),
          supported: "a generator's architecture: "
            + architectures.families.filter { $0 is any GeneratorArchitecture.Type }
            .map { $0.family }.joined(separator: ", "))
      }
      guard let name = try reader.string("conditioning") else {
        throw reader.missing("conditioning")
      }
      guard let conditioning = conditionings[name] else {
        throw reader.unsupported(
          "conditioning", .string(name),
          supported: conditionings.conditionings.map { $0.name }.joined(separator: " or "))
      }
      return (
        try architecture.init(checkpoint: reader), try conditioning.init(checkpoint: reader),
        try Self.streams(reader)
      )
    }
    try self.init(backbone: backbone, conditioning: conditioning, streams: streams)
  }

  /// What of a generator the checkpoint with this `config.json` holds.
  package static func training(
    json data: Data, path: String
  ) throws(GeneratorError) -> TrainedParts {
    try readingFiles { () throws(ModelFileError) in
      let reader = try ConfigurationReader(
        JSONValue(parsing: Array(data), file: path), file: path)
      guard let text = try reader.string("train") else { return .all }
      guard let parts = TrainedParts(text) else {
        throw reader.unsupported(
          "train", .string(text), supported: "train all, bridge or lora:RANK")
      }
      return parts
    }
  }

  private static func streams(
    _ reader: ConfigurationReader
  ) throws(ModelFileError) -> [StreamShape] {
    if let widths = try reader.integers("source_widths") {
      return widths.map { StreamShape(width: $0) }
    }
    return [StreamShape(width: try reader.requiredInteger("source_width"))]
  }
}

extension GeneratorConfiguration: Equatable {
  /// Equal text means equal generators.
  public static func == (one: GeneratorConfiguration, other: GeneratorConfiguration) -> Bool {
    (try? one.json()) == (try? other.json())
  }
}

/// JSON objects with members of any kind.
package enum JSONText {
  private struct Object: Encodable {
    let members: [String: any Encodable]

    struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      for (key, value) in members { try container.encode(value, forKey: Key(stringValue: key)) }
    }
  }

  /// Indented, keys sorted.
  package static func data(_ members: [String: any Encodable]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(Object(members: members))
  }
}
