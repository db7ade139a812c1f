import Numerics

/// Keys and values of one attention layer, [capacity, width] each.
// Not Sendable: a session's own.
final class KeyValueCache {
  private let keyBuffer: FloatBuffer
  private let valueBuffer: FloatBuffer

  init(capacity: Int, width: Int) {
    keyBuffer = FloatBuffer(count: capacity * width)
    valueBuffer = FloatBuffer(count: capacity * width)
  }

  /// Valid as long as the cache lives.
  var keys: UnsafeMutablePointer<Float> { keyBuffer.base }
  var values: UnsafeMutablePointer<Float> { valueBuffer.base }

  var memory: EnhancedCrossAttention.Memory {
    EnhancedCrossAttention.Memory(keys: keys, values: values)
  }
}
