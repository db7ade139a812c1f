import Foundation
import ModelFiles
import Numerics

/// A model whose every value comes from a seed, and its files as Hugging Face writes them. What it is made
/// of can be changed before it is written.
package final class TinyModel {
  /// A tensor's shape and its values, which the model owns.
  package typealias Tensor = (name: String, shape: [Int], values: UnsafeBufferPointer<Float>)

  /// How widely values are drawn around their center, which is 1 for a norm's and 0 for all others.
  package struct Spread: Sendable {
    package var weights: Float
    package var embedding: Float
    /// `nil`: a norm's weights are 1, and nothing is drawn for them.
    package var norms: Float?

    package init(weights: Float, embedding: Float, norms: Float?) {
      self.weights = weights
      self.embedding = embedding
      self.norms = norms
    }

    /// Every value is drawn, so that no term of any result is as if it weren't there.
    package static let wide = Spread(weights: 0.2, embedding: 1, norms: 0.2)

    /// The same spread for all but norms.
    package static func even(_ spread: Float) -> Spread {
      Spread(weights: spread, embedding: spread, norms: nil)
    }
  }

  package var configuration: [String: Any]
  package private(set) var tensors: [String: Tensor] = [:]

  package init(
    _ family: TinyFamily, _ shape: TinyShape = .small, spread: Spread = .wide, seed: UInt64 = 1
  ) {
    configuration = family.configuration(shape)
    var generator = SeededGenerator(seed: seed)
    for tensor in family.tensors(shape) {
      switch tensor.role {
      case .embedding:
        set(tensor.name, tensor.shape) { spread.embedding * generator.normal() }
      case .weight, .bias:
        set(tensor.name, tensor.shape) { spread.weights * generator.normal() }
      case .norm:
        set(tensor.name, tensor.shape) { spread.norms.map { 1 + $0 * generator.normal() } ?? 1 }
      }
    }
  }

  deinit {
    for tensor in tensors.values { tensor.values.deallocate() }
  }

  /// Adds or replaces a tensor.
  package func set(_ name: String, _ shape: [Int], _ value: () -> Float) {
    remove(name)
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
    for index in values.indices { values.initializeElement(at: index, to: value()) }
    tensors[name] = (name, shape, UnsafeBufferPointer(values))
  }

  package func remove(_ name: String) {
    tensors.removeValue(forKey: name)?.values.deallocate()
  }

  /// Writes `config.json` and `model.safetensors` into a folder, which is made where it is not there.
  package func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try JSONSerialization.data(withJSONObject: configuration)
      .write(to: URL(fileURLWithPath: folder + "/config.json"))
    try writeWeights(folder + "/model.safetensors")
  }

  package func writeWeights(_ file: String) throws {
    try SafetensorsWriter.write(path: file, tensors: Array(tensors.values))
  }
}
