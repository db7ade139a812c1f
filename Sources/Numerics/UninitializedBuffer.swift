/// Owns room for `count` float32 values, aligned to 64 bytes, whose contents are whatever was there: for
/// memory that is written before it is read, of which large parts may never be touched.
// Not Sendable: whoever holds it says who may touch it.
public struct UninitializedBuffer: ~Copyable {
  public let count: Int
  public let base: UnsafeMutablePointer<Float>

  /// - Precondition: `count` is not negative.
  public init(count: Int) {
    self.count = count
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(64, count * MemoryLayout<Float>.stride), alignment: 64)
    base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }
}
