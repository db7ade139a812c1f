/// The left operand of products with packed weights: rows [m, depth], brought once for all of them into
/// the form that the engine reads. One buffer serves many fillings, one after the other.
public struct PackedRows: ~Copyable, ProductRows {
  /// Values a row.
  public let depth: Int
  /// Rows there is room for.
  public let capacity: Int
  private let engine: any ProductEngine
  private let buffer: FloatBuffer

  public init(capacity: Int, depth: Int) {
    self.init(capacity: capacity, depth: depth, engine: EngineChoice.current.engine)
  }

  package init(capacity: Int, depth: Int, engine: any ProductEngine) {
    self.capacity = capacity
    self.depth = depth
    self.engine = engine
    let together = engine.rowsTogether
    buffer = FloatBuffer(count: (capacity + together - 1) / together * together * depth)
  }

  public borrowing func fill(
    rows: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
  ) {
    let (depth, base, engine) = (self.depth, buffer.base, self.engine)
    let together = engine.rowsTogether
    parallel((rows + together - 1) / together) { index in
      let range = index * together..<min((index + 1) * together, rows)
      withScratch(together * depth) { scratch in
        engine.packRows(make(range, scratch), range, of: rows, depth: depth, into: base)
      }
    }
  }

  /// What a product reads, while this lives and is not filled anew.
  var packed: UnsafePointer<Float> { UnsafePointer(buffer.base) }
}
