import Numerics

/// The parameters as a forward pass reads them: row-major, and packed too where many passes share one
/// packing. Both give the same bits.
public struct Weights: Sendable {
  // Sendable: values are not written while a pass reads them; see `ParameterSet`.
  nonisolated(unsafe) let trained: UnsafePointer<Float>
  nonisolated(unsafe) let frozen: UnsafePointer<Float>
  let packed: PackedWeights?

  /// A tensor, as [rows, columns].
  public subscript(parameter: Parameter) -> Rows {
    Rows(
      reading: (parameter.isTrained ? trained : frozen) + parameter.offset, count: parameter.rows,
      width: parameter.columns)
  }

  /// The same with every linear layer's weight packed.
  public func packed(for layout: ParameterLayout) -> Weights {
    Weights(
      trained: trained, frozen: frozen,
      packed: PackedWeights(layout.linearWeights.map { self[$0] }))
  }
}

/// The gradients of the trained parameters, laid out as they are.
public struct Gradients {
  let base: UnsafeMutablePointer<Float>

  public init(_ parameters: ParameterSet) { base = parameters.gradients }

  /// Where a tensor's gradients are added; nil for a frozen one.
  public subscript(parameter: Parameter) -> Rows? {
    guard parameter.isTrained else { return nil }
    return Rows(base + parameter.offset, count: parameter.rows, width: parameter.columns)
  }
}

/// Every linear layer's weight, packed, by the layer's number.
final class PackedWeights: Sendable {
  /// A class, because arrays hold no `~Copyable` elements.
  private final class Weight: Sendable {
    let matrix: PackedMatrix
    init(_ matrix: consuming PackedMatrix) { self.matrix = matrix }
  }

  private let weights: [Weight]

  init(_ weights: [Rows]) {
    self.weights = weights.map {
      Weight(PackedMatrix(weight: $0.base, rows: $0.count, columns: $0.width))
    }
  }

  func multiply(_ number: Int, _ out: Rows, _ x: Rows, bias: Rows?) {
    let matrix = weights[number]
    precondition(
      out.count == x.count && out.width == matrix.matrix.rows && x.width == matrix.matrix.columns,
      "rows of \(x.width) into rows of \(out.width)")
    matrix.matrix.multiply(out.base, x.base, m: x.count, bias: bias?.base)
  }
}

/// What a pass over a network is given beside its input.
public struct Pass {
  public let weights: Weights
  public let arena: Arena
  /// Where gradients are added; the backward pass alone reads it.
  public var gradients: Gradients?
  public var dropout: DropoutPlan?

  public init(
    _ weights: Weights, _ arena: Arena, gradients: Gradients? = nil, dropout: DropoutPlan? = nil
  ) {
    self.weights = weights
    self.arena = arena
    self.gradients = gradients
    self.dropout = dropout
  }

  public func dropout(_ kind: KeyPath<DropoutRates, Float>, site: Int) -> Dropout? {
    dropout?.dropout(kind, site: site)
  }

  /// Where a parameter's gradient is added; nil where it is frozen or none is asked for.
  public func gradient(_ parameter: Parameter) -> Rows? { gradients?[parameter] }
}
