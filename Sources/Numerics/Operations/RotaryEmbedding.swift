import CKernels
import Foundation

/// Cosines and sines of the rotary position embedding (Su et al., RoFormer, 2021), a row of
/// `headSize / 2` for each position:
///
///     angle[t, i] = position[t] · θ^(-2i / headSize)
///
/// Frequencies and angles are rounded to float32, as in transformers, since the models were trained
/// so: at position 8,000 the rounding moves an angle by 2⁻¹¹. Their cosines and sines are computed
/// in double precision and rounded, which leaves nothing to the library's last bit.
public struct RotaryAngles: ~Copyable {
  /// Pairs of channels that turn together: half a head.
  public let pairs: Int
  let cosines: FloatBuffer
  let sines: FloatBuffer

  public init(positions: [Int], headSize: Int, theta: Float) {
    let pairs = headSize / 2
    self.pairs = pairs
    cosines = FloatBuffer(count: positions.count * pairs)
    sines = FloatBuffer(count: positions.count * pairs)
    let frequencies = (0..<pairs).map { i in
      1 / Float(pow(Double(theta), Double(Float(2 * i) / Float(headSize))))
    }
    let (cosines, sines) = (cosines.base, sines.base)
    parallelRanges(positions.count, grain: 1 + 1024 / max(pairs, 1)) { range in
      for row in range {
        for i in 0..<pairs {
          let angle = Double(Float(positions[row]) * frequencies[i])
          cosines[row * pairs + i] = Float(cos(angle))
          sines[row * pairs + i] = Float(sin(angle))
        }
      }
    }
  }

  /// Turns one head of row `row`, in place. Channel i pairs with channel i + headSize / 2.
  @inline(__always)
  borrowing func rotate(_ head: UnsafeMutablePointer<Float>, row: Int) {
    kernels.pointee.rotate(pairs, head, cosines.base + row * pairs, sines.base + row * pairs)
  }
}
