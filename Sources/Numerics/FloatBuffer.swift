#if canImport(Glibc)
  import Glibc
#endif

/// Owns `count` float32 values, aligned to 64 bytes, zero at first.
///
/// Operations borrow `base`; no pointer to it may outlive the buffer.
// Sendable: a buffer is unique (`~Copyable`), so sending it moves the only owner.
public struct FloatBuffer: ~Copyable, @unchecked Sendable {
  public let count: Int
  public let base: UnsafeMutablePointer<Float>

  /// - Precondition: `count` is not negative.
  public init(count: Int) {
    self.count = count
    let bytes = max(64, (count * MemoryLayout<Float>.stride + 63) & ~63)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memset(memory, 0, bytes)
    base = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }

  public init(_ values: [Float]) {
    self.init(count: values.count)
    values.withUnsafeBufferPointer { source in
      if let from = source.baseAddress { base.update(from: from, count: source.count) }
    }
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  public subscript(index: Int) -> Float {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }

  /// Sets every value to zero.
  public func clear() { memset(base, 0, count * MemoryLayout<Float>.stride) }

  /// A copy of the values.
  public func array() -> [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
