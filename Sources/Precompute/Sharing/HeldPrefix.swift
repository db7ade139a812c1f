import Numerics

/// The states of a pass's rows at each of some layers, shared by the pieces that lie in them.
final class PassStates {
  private let buffer: FloatBuffer
  /// Where each layer's are: [rows, width].
  let layers: [UnsafeMutablePointer<Float>]

  init(rows: Int, width: Int, layers: Int) {
    let buffer = FloatBuffer(count: rows * width * layers)
    self.layers = (0..<layers).map { buffer.base + $0 * rows * width }
    self.buffer = buffer
  }
}

/// A prefix that was run through the source: its keys and values for what comes after, and its own
/// states for the records that it lies in.
final class HeldPrefix {
  let keys: PrefixKeys
  /// Positions in the texts that begin so.
  let range: Range<Int>
  /// The prefix that it goes on from.
  let above: HeldPrefix?
  private let states: PassStates
  private let offset: Int

  /// - Parameter offset: of the first of its states in the pass's, in values.
  init(
    _ keys: PrefixKeys, range: Range<Int>, above: HeldPrefix?, states: PassStates, offset: Int
  ) {
    self.keys = keys
    self.range = range
    self.above = above
    self.states = states
    self.offset = offset
  }

  /// A layer's state at `position`, which is within `range`.
  func row(_ position: Int, layer: Int, width: Int) -> UnsafeMutablePointer<Float> {
    states.layers[layer] + offset + (position - range.lowerBound) * width
  }
}

/// Where the states of one text lie: its own rows, and those of the prefixes before them.
struct TextStates {
  /// The prefix that the text's own rows come after.
  let prefix: HeldPrefix?
  /// The pass with the states from the prefix's end on, and where they begin in it, in values; unused where the
  /// text ends with the prefix.
  let rest: PassStates
  let offset: Int
  let width: Int

  private var prefixCount: Int { prefix?.range.upperBound ?? 0 }

  /// Calls `body` with a layer's states at `positions` in one piece: where they lie, or copied together.
  func with<Result>(
    _ positions: Range<Int>, layer: Int, _ body: (UnsafePointer<Float>) throws -> Result
  ) rethrows -> Result {
    let rest = self.rest.layers[layer] + offset
    if positions.lowerBound >= prefixCount {
      return try body(rest + (positions.lowerBound - prefixCount) * width)
    }
    let copy = FloatBuffer(count: positions.count * width)
    func fill(_ range: Range<Int>, _ first: UnsafeMutablePointer<Float>) {
      let part = range.clamped(to: positions)
      guard !part.isEmpty else { return }
      (copy.base + (part.lowerBound - positions.lowerBound) * width).update(
        from: first + (part.lowerBound - range.lowerBound) * width, count: part.count * width)
    }
    fill(prefixCount..<max(positions.upperBound, prefixCount), rest)
    var held = prefix
    while let piece = held, piece.range.upperBound > positions.lowerBound {
      fill(piece.range, piece.row(piece.range.lowerBound, layer: layer, width: width))
      held = piece.above
    }
    return try body(copy.base)
  }
}
