import Layers
import ModelFiles
import Numerics

extension ParameterSet {
  /// Reads every tensor for which `storedName` gives a name, checking all names and shapes first.
  package func read(
    from catalogue: TensorCatalogue, storedName: (ParameterTensor) -> String? = { $0.name }
  ) throws(GeneratorError) {
    try read(from: catalogue) { storedName($0).map { TensorPart($0) } }
  }

  /// Reads every tensor for which `part` says where it lies, checking all names and shapes first.
  func read(
    from catalogue: TensorCatalogue, part: (ParameterTensor) -> TensorPart?
  ) throws(GeneratorError) {
    for tensor in tensors {
      guard let part = part(tensor) else { continue }
      try Self.check(part.tensor, shape: part.storedShape(tensor.shape), in: catalogue)
    }
    for tensor in tensors {
      guard let part = part(tensor) else { continue }
      try readingFiles { () throws(ModelFileError) in
        try catalogue.read(part, shape: tensor.shape, into: base(of: tensor))
      }
      if let value = values(of: tensor).first(where: { !$0.isFinite }) {
        throw .checkpoint(
          path: catalogue.path, item: "tensor \(part.tensor)", expected: "finite numbers",
          found: "\(value)")
      }
    }
  }

  /// Throws unless `catalogue` has a tensor of that name and shape.
  package static func check(
    _ name: String, shape: [Int], in catalogue: TensorCatalogue
  ) throws(GeneratorError) {
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
}
