import Foundation
import Generators
import Layers
import ModelFiles

extension RunFolder {
  var base: String { file("base.safetensors") }

  /// The generator of one of the run's checkpoints. Throws where what is frozen is not what the run began with.
  public func generator(
    _ checkpoint: String, _ manifest: RunManifest, _ registries: GeneratorRegistries = .builtIn
  ) throws(GeneratorError) -> Generator {
    try Checkpoint.load(checkpoint, registries, base: try openBase(manifest))
  }

  /// Reads the run's frozen parameters, where it has any, in place of the generator's.
  public func readBase(
    _ manifest: RunManifest, into generator: Generator
  ) throws(GeneratorError) {
    guard let base = try openBase(manifest) else { return }
    try generator.parameters.read(from: base) { $0.isTrained ? nil : $0.name }
  }

  private func openBase(_ manifest: RunManifest) throws(GeneratorError) -> TensorCatalogue? {
    guard let expected = manifest.base else { return nil }
    let path = base
    let catalogue = try readingFiles { () throws(ModelFileError) in try TensorCatalogue.open(path) }
    let found = catalogue.sha256()
    guard found == expected.sha256 else {
      throw .checkpoint(
        path: path, item: "the frozen parameters", expected: "SHA-256 \(expected.sha256)",
        found: found)
    }
    return catalogue
  }

  /// Writes what training does not change, once a run; nil where it changes everything.
  func writeBase(of generator: Generator) throws(GeneratorError) -> FrozenBase? {
    let parameters = generator.parameters
    let frozen = parameters.tensors.filter { !$0.isTrained }
    guard !frozen.isEmpty else { return nil }
    let path = base
    return try readingFiles { () throws(ModelFileError) in
      try SafetensorsWriter.write(
        path: path,
        tensors: frozen.map { tensor in
          (tensor.name, tensor.shape, parameters.values(of: tensor))
        }, metadata: ["format": "pt"])
      return FrozenBase(sha256: try TensorCatalogue.open(path).sha256())
    }
  }
}
