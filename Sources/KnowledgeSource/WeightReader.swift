import Architectures
import ModelFiles
import Numerics

/// Reads weights out of a catalogue into the forms that the forward pass uses.
struct WeightReader {
  let places: TensorPlaces
  let precision: Precision

  init(_ places: TensorPlaces, precision: Precision) {
    self.places = places
    self.precision = precision
  }

  private var catalogue: TensorCatalogue { places.catalogue }

  /// The same weights in another precision.
  func inPrecision(_ precision: Precision) -> WeightReader {
    WeightReader(places, precision: precision)
  }

  func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
    try catalogue.floats(places[name], shape: shape)
  }

  /// A table as it is stored.
  func rows(_ name: String, shape: [Int]) throws(ModelFileError) -> StoredRows {
    try catalogue.storedRows(places[name].tensor, shape: shape)
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
    if let stored = try catalogue.groupedCodes(places[name], shape: shape) { return stored }
    return GroupedCodes(
      rounding: try floats(name, shape: shape), rows: shape[0], columns: shape[1])
  }
}
