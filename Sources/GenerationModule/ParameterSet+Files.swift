import ModelFiles
import Numerics

extension ParameterSet {
  /// Reads every tensor for which `storedName` gives a name, checking all names and shapes first.
  func read(
    from catalogue: TensorCatalogue, storedName: (ParameterTensor) -> String? = { $0.name }
  ) throws(GenerationModuleError) {
    for tensor in tensors {
      guard let name = storedName(tensor) else { continue }
      try Self.check(name, shape: tensor.shape, in: catalogue)
    }
    for tensor in tensors {
      guard let name = storedName(tensor) else { continue }
      try readingFiles { () throws(ModelFileError) in
        try catalogue.read(name, shape: tensor.shape, into: values + tensor.range.lowerBound)
      }
    }
  }

  /// Throws unless `catalogue` has a tensor of that name and shape.
  static func check(
    _ name: String, shape: [Int], in catalogue: TensorCatalogue
  ) throws(GenerationModuleError) {
    guard let entry = catalogue[name] else {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(name)", expected: "shape \(shape)", found: "nothing")
    }
    guard entry.shape == shape else {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(name)", expected: "shape \(shape)",
        found: "shape \(entry.shape)")
    }
  }

  /// Every tensor over `base`, which is laid out as the parameters are, for a file.
  func tensors(
    prefix: String = "", over base: UnsafePointer<Float>
  ) -> [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)] {
    tensors.map {
      (
        prefix + $0.name, $0.shape,
        UnsafeBufferPointer(start: base + $0.range.lowerBound, count: $0.range.count)
      )
    }
  }
}
