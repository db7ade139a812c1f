/// The arithmetic that products with weights are computed in. Everything else is float32.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case float32
  /// Weights of at most 8 bits and rows rounded to 8, in groups of 32 with a scale each.
  case int8
}

/// A weight matrix [rows (out), columns (in)] for products in either precision.
public enum ProductMatrix: ~Copyable, Sendable {
  case float32(PackedMatrix)
  case int8(Int8Matrix)

  /// out[m, rows] = x[m, columns] · Wᵀ + bias, from the first `m` rows of `x`.
  ///
  /// - Precondition: `x` is of the same precision.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing ProductInput, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    switch self {
    case .float32(let weight):
      switch x {
      case .float32(let rows): weight.multiply(out, rows, m: m, bias: bias)
      case .int8: preconditionFailure("rows and weight must be of one precision")
      }
    case .int8(let weight):
      switch x {
      case .int8(let rows): weight.multiply(out, rows, m: m, bias: bias)
      case .float32: preconditionFailure("rows and weight must be of one precision")
      }
    }
  }

  /// out[m, width] = f(x · gateᵀ) · (x · upᵀ), f the unit's, of a weight in the order of `GateAndUp`.
  ///
  /// - Precondition: `x` is of the same precision.
  public borrowing func multiplyGated(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing ProductInput, m: Int, width: Int,
    _ unit: GatedLinearUnit = .swiGLU
  ) {
    switch self {
    case .float32(let weight):
      switch x {
      case .float32(let rows): weight.multiplyGated(out, rows, m: m, width: width, unit)
      case .int8: preconditionFailure("rows and weight must be of one precision")
      }
    case .int8(let weight):
      switch x {
      case .int8(let rows): weight.multiplyGated(out, rows, m: m, width: width, unit)
      case .float32: preconditionFailure("rows and weight must be of one precision")
      }
    }
  }
}

/// Rows for products with a `ProductMatrix` of the same precision.
public enum ProductInput: ~Copyable, ProductRows {
  case float32(PackedRows)
  case int8(Int8Rows)

  /// - Parameter terms: of `Int8Rows`.
  public init(_ precision: Precision, capacity: Int, depth: Int, terms: Int = 1) {
    switch precision {
    case .float32: self = .float32(PackedRows(capacity: capacity, depth: depth))
    case .int8: self = .int8(Int8Rows(capacity: capacity, depth: depth, terms: terms))
    }
  }

  public var depth: Int {
    switch self {
    case .float32(let rows): rows.depth
    case .int8(let rows): rows.depth
    }
  }

  public borrowing func fill(
    rows count: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
  ) {
    switch self {
    case .float32(let rows): rows.fill(rows: count, make)
    case .int8(let rows): rows.fill(rows: count, make)
    }
  }
}
