import Numerics

/// Memory for a pass's activations: taken in order, given back all at once, kept for the next pass.
///
/// Contents are whatever was there before. Not for more than one thread.
public final class Arena {
  private final class Chunk {
    let buffer: FloatBuffer
    init(count: Int) { buffer = FloatBuffer(count: count) }
  }

  private static let alignment = 16
  private static let smallestChunk = 1 << 20
  private var chunks: [Chunk] = []
  private var chunk = 0
  private var used = 0

  public init() {}

  /// Rows on a cache line, valid until they are given back.
  public func rows(_ count: Int, _ width: Int) -> Rows {
    Rows(take(count * width), count: count, width: width)
  }

  /// The same, with every value zero.
  public func zeros(_ count: Int, _ width: Int) -> Rows {
    let rows = rows(count, width)
    rows.fill(0)
    return rows
  }

  /// `count` floats, on a cache line, valid until they are given back.
  func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    let size = (count + Self.alignment - 1) / Self.alignment * Self.alignment
    while chunk < chunks.count, used + size > chunks[chunk].buffer.count {
      chunk += 1
      used = 0
    }
    if chunk == chunks.count { chunks.append(Chunk(count: max(size, Self.smallestChunk))) }
    defer { used += size }
    return chunks[chunk].buffer.base + used
  }

  /// Gives everything back. What had grown in pieces becomes one piece.
  public func reset() {
    (chunk, used) = (0, 0)
    guard chunks.count > 1 else { return }
    let total = chunks.reduce(0) { $0 + $1.buffer.count }
    chunks = []
    chunks.append(Chunk(count: total))
  }

  /// Runs `body` and gives back what it took.
  public func scratch<Result>(_ body: () -> Result) -> Result {
    let mark = (chunk, used)
    defer { (chunk, used) = mark }
    return body()
  }
}
