import Architectures
import Foundation
import Generators
import Layers
import ModelFiles
import Numerics

/// A generator on disk: a folder with `config.json`, `model.safetensors` and, to go on training,
/// `optimizer.safetensors` and what training adds. A reader sees the old folder or the new one whole.
public enum Checkpoint {
  static let configurationName = "config.json"
  static let weightsName = "model.safetensors"
  static let optimizerName = "optimizer.safetensors"

  /// Writes a checkpoint in place of the one at `path`, if any.
  ///
  /// - Parameter files: Further files of the folder, by name.
  public static func save(
    _ model: Generator, to path: String, optimizer: AdamW? = nil,
    files: [String: Data] = [:]
  ) throws(GeneratorError) {
    let replacement = try FolderReplacement(path: path)
    try replacement.write(configurationName, try model.configuration.json(training: model.training))
    for (name, contents) in files.sorted(by: { $0.key < $1.key }) {
      try replacement.write(name, contents)
    }
    let parameters = model.parameters
    try readingFiles { () throws(ModelFileError) in
      try SafetensorsWriter.write(
        path: replacement.file(weightsName),
        tensors: parameters.trained { parameters.values + $0.range.lowerBound },
        metadata: metadata(of: model.configuration))
      guard let optimizer else { return }
      try SafetensorsWriter.write(
        path: replacement.file(optimizerName),
        tensors: parameters.trained(prefix: "m.") { optimizer.moments.first + $0.range.lowerBound }
          + parameters.trained(prefix: "v.") { optimizer.moments.second + $0.range.lowerBound },
        metadata: ["step": String(optimizer.stepCount)])
    }
    try replacement.commit()
  }

  /// The configuration alone, validated.
  public static func configuration(
    at path: String, _ registries: GeneratorRegistries = .builtIn
  ) throws(GeneratorError) -> GeneratorConfiguration {
    let file = (path as NSString).appendingPathComponent(configurationName)
    guard let contents = FileManager.default.contents(atPath: file) else {
      throw .checkpoint(
        path: path, item: configurationName, expected: "a readable file", found: "none")
    }
    return try GeneratorConfiguration(
      json: contents, path: file, architectures: registries.architectures,
      conditionings: registries.conditionings)
  }

  /// Reads a generator. Every tensor's name and shape is checked before memory is taken for it.
  ///
  /// - Parameter base: the run's frozen parameters, where it has any.
  public static func load(
    _ path: String, _ registries: GeneratorRegistries = .builtIn, base: TensorCatalogue? = nil
  ) throws(GeneratorError) -> Generator {
    let configuration = try configuration(at: path, registries)
    let file = (path as NSString).appendingPathComponent(configurationName)
    let training = try GeneratorConfiguration.training(
      json: FileManager.default.contents(atPath: file) ?? Data(), path: file)
    return try Generator(
      configuration, training: training, reading: try openTensors(path, weightsName), base: base)
  }

  /// Reads the optimizer's moments and steps, to go on training `parameters`.
  public static func loadOptimizer(
    _ path: String, for parameters: ParameterSet, settings: AdamW.Settings
  ) throws(GeneratorError) -> AdamW {
    let catalogue = try openTensors(path, optimizerName)
    guard let step = catalogue.metadata["step"].flatMap({ Int($0) }),
      (0...largestStepCount).contains(step)
    else {
      throw .checkpoint(
        path: catalogue.path, item: "metadata key step", expected: "the steps taken",
        found: catalogue.metadata["step"] ?? "nothing")
    }
    let optimizer = AdamW(count: parameters.count, settings: settings)
    optimizer.stepCount = step
    let moments = optimizer.moments
    for (prefix, base) in [("m.", moments.first), ("v.", moments.second)] {
      for tensor in parameters.tensors where tensor.isTrained {
        try ParameterSet.check(prefix + tensor.name, shape: tensor.shape, in: catalogue)
        try readingFiles { () throws(ModelFileError) in
          try catalogue.read(
            prefix + tensor.name, shape: tensor.shape, into: base + tensor.range.lowerBound)
        }
      }
    }
    return optimizer
  }

  /// More steps than a run could come to in a lifetime, and far from where a sum would overflow.
  private static let largestStepCount = 1 << 53

  /// The file's own words for its sizes, as `WeightsImport` reads them.
  private static func metadata(of configuration: GeneratorConfiguration) -> [String: String] {
    configuration.backbone.weightsMetadata
      .merging(configuration.conditioning.weightsMetadata(configuration.backbone)) { $1 }
      .merging(["format": "pt"]) { $1 }
  }

  private static func openTensors(
    _ path: String, _ name: String
  ) throws(GeneratorError) -> TensorCatalogue {
    try readingFiles { () throws(ModelFileError) in
      try TensorCatalogue.open((path as NSString).appendingPathComponent(name))
    }
  }
}

extension ParameterSet {
  /// Every trained tensor over memory that is laid out as the parameters are, for a file.
  func trained(
    prefix: String = "", base: (ParameterTensor) -> UnsafeMutablePointer<Float>
  ) -> [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)] {
    tensors.filter(\.isTrained).map {
      (prefix + $0.name, $0.shape, UnsafeBufferPointer(start: base($0), count: $0.range.count))
    }
  }
}
