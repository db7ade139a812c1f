import ModelFiles
import Numerics

/// Reads weights out of a catalogue into the forms that the forward pass uses.
struct WeightReader {
  let catalogue: TensorCatalogue
  let precision: Precision
  /// What names begin with in the files, before those that the architecture has.
  let prefix: String

  /// - Parameter prefixes: what names may begin with; the first is taken by which the tensor `name` is there.
  init(
    _ catalogue: TensorCatalogue, precision: Precision, prefixes: [String], name: String
  ) {
    self.catalogue = catalogue
    self.precision = precision
    prefix = prefixes.first { catalogue[$0 + name] != nil } ?? prefixes.first ?? ""
  }

  private init(_ other: WeightReader, precision: Precision) {
    catalogue = other.catalogue
    prefix = other.prefix
    self.precision = precision
  }

  /// The same weights in another precision.
  func inPrecision(_ precision: Precision) -> WeightReader {
    WeightReader(self, precision: precision)
  }

  func shape(_ name: String) -> [Int]? { catalogue[prefix + name]?.shape }

  func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
    try catalogue.floats(prefix + name, shape: shape)
  }

  /// A table as it is stored.
  func rows(_ name: String, shape: [Int]) throws(ModelFileError) -> StoredRows {
    try catalogue.storedRows(prefix + name, shape: shape)
  }

  func vector(_ name: String, count: Int) throws(ModelFileError) -> FloatBuffer {
    FloatBuffer(try floats(name, shape: [count]))
  }

  /// One packed matrix of several tensors [rows, columns], one below the other.
  func matrix(
    _ parts: [(name: String, rows: Int)], columns: Int
  ) throws(ModelFileError) -> ProductMatrix {
    switch precision {
    case .float32: .float32(try packed(parts, columns: columns))
    case .int8:
      .int8(
        Int8Matrix(
          try parts.map { part throws(ModelFileError) in
            try codes(part.name, shape: [part.rows, columns])
          }))
    }
  }

  /// A gate's and an up projection's weight, [rows, columns] each, in the order of `GateAndUp`.
  func gateAndUp(
    _ gate: String, _ up: String, rows: Int, columns: Int
  ) throws(ModelFileError) -> ProductMatrix {
    let shape = [rows, columns]
    switch precision {
    case .float32:
      return .float32(
        PackedMatrix(
          weight: GateAndUp.weave(
            try floats(gate, shape: shape), try floats(up, shape: shape), width: rows,
            columns: columns),
          rows: GateAndUp.rows(width: rows), columns: columns))
    case .int8:
      return .int8(
        Int8Matrix(GateAndUp.weave(try codes(gate, shape: shape), try codes(up, shape: shape))))
    }
  }

  private func packed(
    _ parts: [(name: String, rows: Int)], columns: Int
  ) throws(ModelFileError) -> PackedMatrix {
    // Read tensor by tensor, as the catalogue checks a shape before it takes memory for it.
    var weight: [Float] = []
    for (name, rows) in parts {
      let part = try floats(name, shape: [rows, columns])
      weight = weight.isEmpty ? part : weight + part
    }
    return PackedMatrix(weight: weight, rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
  }

  /// Codes that are stored are taken as they are; other weights are rounded to 8 bits.
  private func codes(_ name: String, shape: [Int]) throws(ModelFileError) -> GroupedCodes {
    if let stored = try catalogue.groupedCodes(prefix + name, shape: shape) { return stored }
    return GroupedCodes(
      rounding: try floats(name, shape: shape), rows: shape[0], columns: shape[1])
  }
}
