import ModelFiles

/// The sizes that a file's tensors and metadata speak of.
struct WeightShapes {
  private let catalogue: TensorCatalogue

  init(_ catalogue: TensorCatalogue) { self.catalogue = catalogue }

  func matrix(_ name: String) throws(GeneratorError) -> (rows: Int, columns: Int) {
    guard let entry = catalogue[name] else {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(name)", expected: "a matrix", found: "nothing")
    }
    guard entry.shape.count == 2 else {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(name)", expected: "a matrix",
        found: "shape \(entry.shape)")
    }
    return (entry.shape[0], entry.shape[1])
  }

  /// How many tensors `prefix.i.suffix` there are, i from 0 on without a gap.
  func layers(_ prefix: String, _ suffix: String) -> Int {
    var count = 0
    while catalogue["\(prefix).\(count).\(suffix)"] != nil { count += 1 }
    return count
  }

  /// The widths that projections of states take: `name.weight` for the first stream, `name.i.weight` for the others.
  func streams(_ name: String) throws(GeneratorError) -> [StreamShape] {
    var streams = [StreamShape(width: try matrix("\(name).weight").columns)]
    while catalogue["\(name).\(streams.count).weight"] != nil {
      streams.append(StreamShape(width: try matrix("\(name).\(streams.count).weight").columns))
    }
    return streams
  }

  /// The number that is given, or the metadata's, or the last resort.
  func integer(
    _ key: String, given: Int?, otherwise: Int
  ) throws(GeneratorError) -> Int {
    if let given { return given }
    guard let text = catalogue.metadata[key] else { return otherwise }
    guard let value = Int(text), value > 0 else {
      throw .checkpoint(
        path: catalogue.path, item: "metadata key \(key)", expected: "a positive number",
        found: "\"\(text.prefix(40))\"")
    }
    return value
  }

  func mask(
    given: BridgeMask?, otherwise: BridgeMask
  ) throws(GeneratorError) -> BridgeMask {
    if let given { return given }
    guard let text = catalogue.metadata["mask"] else { return otherwise }
    guard let mask = BridgeMask(rawValue: text) else {
      throw .checkpoint(
        path: catalogue.path, item: "metadata key mask", expected: "causal or published",
        found: "\"\(text.prefix(40))\"")
    }
    return mask
  }
}
