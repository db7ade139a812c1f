import Numerics

/// A matrix [rows, columns], or a vector, as it lies in a stored tensor that may hold others' rows too, or that is
/// stored the other way round: queries within a weight of queries, keys and values; GPT-2's weights, [inputs,
/// outputs].
public struct TensorPart: Sendable, Equatable {
  /// Some rows of more: `block` of them from `first` on, again every `stride`, up to `total`.
  public struct Rows: Sendable, Equatable {
    public var first: Int
    public var block: Int
    public var stride: Int
    /// Rows of the whole, a multiple of the stride.
    public var total: Int

    /// One run of rows.
    public init(_ range: Range<Int>, of total: Int) {
      (first, block, stride, self.total) = (range.lowerBound, range.count, total, total)
    }

    /// A run of rows of every `stride`.
    public init(_ range: Range<Int>, ofEvery stride: Int, of total: Int) {
      (first, block, self.stride, self.total) = (range.lowerBound, range.count, stride, total)
    }

    public var count: Int { total / max(stride, 1) * block }

    /// Which row of the whole the part's row `row` is.
    func place(_ row: Int) -> Int { first + row / block * stride + row % block }
  }

  /// The stored tensor's name.
  public var tensor: String
  /// Which of its rows; nil: all.
  public var rows: Rows?
  /// Whether rows are stored as columns. A vector has no such.
  public var isTransposed: Bool
  /// What is added to the stored values: 1 where a norm's scale is stored less 1.
  public var offset: Float

  public init(
    _ tensor: String, rows: Rows? = nil, isTransposed: Bool = false, offset: Float = 0
  ) {
    self.tensor = tensor
    self.rows = rows
    self.isTransposed = isTransposed
    self.offset = offset
  }

  /// Whether the stored tensor is the part, as it stands.
  public var isWhole: Bool { rows == nil && !isTransposed && offset == 0 }

  /// The stored tensor's shape, of the part's.
  public func storedShape(_ shape: [Int]) -> [Int] {
    guard let first = shape.first else { return shape }
    let whole = [rows?.total ?? first] + shape.dropFirst()
    return isTransposed ? whole.reversed() : whole
  }

  /// Puts the part's values into their places in the stored tensor, `whole`, which has other parts too.
  public func store(
    _ values: UnsafeBufferPointer<Float>, shape: [Int], in whole: UnsafeMutablePointer<Float>
  ) {
    let columns = shape.dropFirst().reduce(1, *)
    let total = rows?.total ?? shape.first ?? 1
    precondition(values.count == shape.reduce(1, *), "values of shape \(shape)")
    for row in 0..<(columns == 0 ? 0 : values.count / columns) {
      let place = rows?.place(row) ?? row
      for column in 0..<columns {
        let at = isTransposed ? column * total + place : place * columns + column
        whole[at] = values[row * columns + column] - offset
      }
    }
  }
}

extension TensorCatalogue {
  /// A part's elements as float32, of the part's own shape. Throws as `floats(_:shape:)`.
  public func floats(_ part: TensorPart, shape: [Int]) throws(ModelFileError) -> [Float] {
    if part.isWhole { return try floats(part.tensor, shape: shape) }
    var values = [Float](repeating: 0, count: shape.reduce(1, *))
    var failure: ModelFileError?
    values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      do throws(ModelFileError) {
        try read(part, shape: shape, into: base)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return values
  }

  /// Writes a part's elements as float32 to `out`, which has room for its shape's product. Throws as `floats`.
  public func read(
    _ part: TensorPart, shape: [Int], into out: UnsafeMutablePointer<Float>
  ) throws(ModelFileError) {
    guard !part.isWhole else { return try read(part.tensor, shape: shape, into: out) }
    let whole = try floats(part.tensor, shape: part.storedShape(shape))
    let columns = shape.dropFirst().reduce(1, *)
    let total = part.rows?.total ?? shape.first ?? 1
    for row in 0..<(shape.first ?? 1) {
      let place = part.rows?.place(row) ?? row
      for column in 0..<columns {
        out[row * columns + column] =
          whole[part.isTransposed ? column * total + place : place * columns + column]
          + part.offset
      }
    }
  }

  /// A weight's part as small codes, as far as it is stored so; nil where its type is another, or where it lies the
  /// other way round. Throws as `floats`.
  public func groupedCodes(
    _ part: TensorPart, shape: [Int]
  ) throws(ModelFileError) -> GroupedCodes? {
    guard !part.isTransposed, part.offset == 0 else { return nil }
    guard let codes = try groupedCodes(part.tensor, shape: part.storedShape(shape)) else {
      return nil
    }
    guard let rows = part.rows else { return codes }
    return codes.rows((0..<rows.count).map { rows.place($0) })
  }
}
