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
  /// Whether it only counts: what it gives then is no memory.
  private let isCounting: Bool
  private var chunks: [Chunk] = []
  private var chunk = 0
  private var used = 0
  private var level = 0
  /// The most floats that were taken at once, so far.
  public private(set) var peak = 0

  public init() { isCounting = false }

  private init(isCounting: Bool) { self.isCounting = isCounting }

  /// One that counts what is taken of it and gives no memory: nothing may be read or written of its rows.
  public static func counting() -> Arena { Arena(isCounting: true) }

  /// Makes room for `count` floats in one piece, before anything is taken.
  public func reserve(_ count: Int) {
    precondition(level == 0, "room is made before anything is taken")
    guard !isCounting, chunks.reduce(0, { $0 + $1.buffer.count }) < count else { return }
    chunks = []
    chunks.append(Chunk(count: count))
  }

  /// Rows on a cache line, valid until they are given back.
  public func rows(_ count: Int, _ width: Int) -> Rows {
    Rows(take(count * width), count: count, width: width)
  }

  /// The same, with every value zero.
  public func zeros(_ count: Int, _ width: Int) -> Rows {
    let rows = rows(count, width)
    if !isCounting { rows.fill(0) }
    return rows
  }

  /// `count` floats, on a cache line, valid until they are given back.
  func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    let size = (count + Self.alignment - 1) / Self.alignment * Self.alignment
    level += size
    peak = max(peak, level)
    if isCounting { return Self.nowhere }
    while chunk < chunks.count, used + size > chunks[chunk].buffer.count {
      chunk += 1
      used = 0
    }
    if chunk == chunks.count { chunks.append(Chunk(count: max(size, Self.smallestChunk))) }
    defer { used += size }
    return chunks[chunk].buffer.base + used
  }

  /// Gives everything back. What had grown in pieces becomes one piece, as large as what was taken at once.
  public func reset() {
    (chunk, used, level) = (0, 0, 0)
    guard chunks.count > 1 else { return }
    chunks = []
    chunks.append(Chunk(count: peak))
  }

  /// Runs `body` and gives back what it took.
  public func scratch<Result>(_ body: () -> Result) -> Result {
    let mark = (chunk, used, level)
    defer { (chunk, used, level) = mark }
    return body()
  }

  /// An address that rows of a counting arena have: none of the program's.
  private static var nowhere: UnsafeMutablePointer<Float> {
    guard let base = UnsafeMutablePointer<Float>(bitPattern: 64) else {
      preconditionFailure("64 is an address")
    }
    return base
  }
}
