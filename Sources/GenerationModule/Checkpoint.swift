import Foundation
import ModelFiles
import Numerics

/// A module on disk: a folder with `config.json`, `model.safetensors` and, to go on training,
/// `optimizer.safetensors` and what training adds. A reader sees the old folder or the new one whole.
public enum Checkpoint {
  static let configurationName = "config.json"
  static let weightsName = "model.safetensors"
  static let optimizerName = "optimizer.safetensors"

  /// Writes a checkpoint in place of the one at `path`, if any.
  ///
  /// - Parameter files: Further files of the folder, by name.
  public static func save(
    _ model: any GenerationModel, to path: String, optimizer: AdamW? = nil,
    files: [String: Data] = [:]
  ) throws(GenerationModuleError) {
    let replacement = try FolderReplacement(path: path)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let configuration = try? encoder.encode(model.configuration) else {
      throw .unwritable(path: path, reason: "the configuration holds a number JSON has no form for")
    }
    try replacement.write(configurationName, configuration)
    for (name, contents) in files.sorted(by: { $0.key < $1.key }) {
      try replacement.write(name, contents)
    }
    let parameters = model.parameters
    try readingFiles { () throws(ModelFileError) in
      try SafetensorsWriter.write(
        path: replacement.file(weightsName),
        tensors: parameters.tensors(over: parameters.values),
        metadata: metadata(of: model.configuration))
      guard let optimizer else { return }
      try SafetensorsWriter.write(
        path: replacement.file(optimizerName),
        tensors: parameters.tensors(prefix: "m.", over: optimizer.moments.first)
          + parameters.tensors(prefix: "v.", over: optimizer.moments.second),
        metadata: ["step": String(optimizer.stepCount)])
    }
    try replacement.commit()
  }

  /// The configuration alone, validated.
  public static func configuration(
    at path: String
  ) throws(GenerationModuleError) -> GeneratorConfiguration {
    let configuration = try decode(path)
    try configuration.validate()
    return configuration
  }

  /// Reads a module. Every tensor's name and shape is checked before memory is taken for it.
  public static func load(_ path: String) throws(GenerationModuleError) -> any GenerationModel {
    let configuration = try configuration(at: path)
    let catalogue = try openTensors(path, weightsName)
    let layout: ParameterLayout
    switch configuration.conditioning {
    case .prompt: layout = PromptNetwork(configuration, start: .nearlyShut).layout
    case .aligned: layout = AlignedNetwork(configuration).layout
    }
    for tensor in layout.tensors {
      try ParameterSet.check(tensor.name, shape: tensor.shape, in: catalogue)
    }
    let names = Set(layout.tensors.map(\.name))
    if let extra = catalogue.names.first(where: { !names.contains($0) }) {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(extra)", expected: "the tensors of config.json alone",
        found: "one more")
    }
    let model: any GenerationModel
    switch configuration.conditioning {
    case .prompt: model = try PromptGenerator(configuration, start: .nearlyShut, seed: nil)
    case .aligned: model = try AlignedGenerator(configuration, initialSeed: nil)
    }
    try model.parameters.read(from: catalogue)
    return model
  }

  /// Reads the optimizer's moments and steps, to go on training `parameters`.
  public static func loadOptimizer(
    _ path: String, for parameters: ParameterSet, settings: AdamW.Settings
  ) throws(GenerationModuleError) -> AdamW {
    let catalogue = try openTensors(path, optimizerName)
    guard let step = catalogue.metadata["step"].flatMap({ Int($0) }), step >= 0 else {
      throw .checkpoint(
        path: catalogue.path, item: "metadata key step", expected: "the steps taken",
        found: catalogue.metadata["step"] ?? "nothing")
    }
    let optimizer = AdamW(count: parameters.count, settings: settings)
    optimizer.stepCount = step
    let moments = optimizer.moments
    for (prefix, base) in [("m.", moments.first), ("v.", moments.second)] {
      for tensor in parameters.tensors {
        try ParameterSet.check(prefix + tensor.name, shape: tensor.shape, in: catalogue)
        try readingFiles { () throws(ModelFileError) in
          try catalogue.read(
            prefix + tensor.name, shape: tensor.shape, into: base + tensor.range.lowerBound)
        }
      }
    }
    return optimizer
  }

  /// The file's own words for its sizes, as `WeightsImport` reads them.
  private static func metadata(of shape: GeneratorConfiguration) -> [String: String] {
    var metadata = [
      "format": "pt", "heads": "\(shape.headCount)", "bridge_heads": "\(shape.bridgeHeadCount)",
      "window": "\(shape.windowSize)",
    ]
    if shape.conditioning == .aligned { metadata["mask"] = shape.bridgeMask.rawValue }
    return metadata
  }

  private static func openTensors(
    _ path: String, _ name: String
  ) throws(GenerationModuleError) -> TensorCatalogue {
    try readingFiles { () throws(ModelFileError) in
      try TensorCatalogue.open((path as NSString).appendingPathComponent(name))
    }
  }

  private static func decode(_ path: String) throws(GenerationModuleError) -> GeneratorConfiguration
  {
    let file = (path as NSString).appendingPathComponent(configurationName)
    guard let contents = FileManager.default.contents(atPath: file) else {
      throw .checkpoint(
        path: path, item: configurationName, expected: "a readable file", found: "none")
    }
    do {
      return try JSONDecoder().decode(GeneratorConfiguration.self, from: contents)
    } catch {
      throw .checkpoint(
        path: file, item: "JSON", expected: "a generator's configuration",
        found: Self.reason(error))
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "no key \(key.stringValue)"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      context.codingPath.isEmpty
        ? "text that is not JSON"
        : "\(context.codingPath.map(\.stringValue).joined(separator: ".")): "
          + context.debugDescription
    default: "text that is not JSON"
    }
  }
}
