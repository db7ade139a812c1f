#if canImport(Glibc)
  import Glibc
#endif

/// Owns memory for `count` values of a plain type, aligned to 64 bytes, zero at first.
///
/// Operations borrow `base`; no pointer to it may outlive the buffer.
// Sendable: a buffer is unique (`~Copyable`), so sending it moves the only owner.
struct PlainBuffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  let count: Int
  let base: UnsafeMutablePointer<Element>

  init(count: Int) {
    self.count = count
    let bytes = max(64, count * MemoryLayout<Element>.stride)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    memset(memory, 0, bytes)
    base = memory.bindMemory(to: Element.self, capacity: count)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }
}
