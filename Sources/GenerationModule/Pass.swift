import Numerics

/// The parameters as a forward pass reads them: row-major, and packed too where many passes share
/// one packing. Both give the same bits.
struct Weights: Sendable {
  // Sendable: values are not written while a pass reads them; see `ParameterSet`.
  nonisolated(unsafe) let values: UnsafePointer<Float>
  let packed: PackedWeights?
}

/// Every linear layer's weight, packed, by the layer's number.
final class PackedWeights: Sendable {
  /// A class, because arrays hold no `~Copyable` elements.
  private final class Weight: Sendable {
    let matrix: PackedMatrix
    init(_ matrix: consuming PackedMatrix) { self.matrix = matrix }
  }

  private let weights: [Weight]

  init(_ shapes: [ParameterLayout.LinearShape], values: UnsafePointer<Float>) {
    weights = shapes.map {
      Weight(PackedMatrix(weight: values + $0.weight, rows: $0.outputs, columns: $0.inputs))
    }
  }

  func multiply(
    _ number: Int, _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int,
    bias: UnsafePointer<Float>?
  ) {
    weights[number].matrix.multiply(out, x, m: rows, bias: bias)
  }
}

/// What a pass over the network is given beside its input.
struct Pass {
  let weights: Weights
  let arena: Arena
  /// Where gradients are added; the backward pass alone reads it.
  var gradients: UnsafeMutablePointer<Float>?
  var dropout: DropoutPlan?

  func dropout(_ kind: KeyPath<DropoutRates, Float>, site: Int) -> Dropout? {
    dropout?.dropout(kind, site: site)
  }
}
