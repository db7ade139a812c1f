import CKernels
import Foundation

// y_i = x_i cos a_i - x_j sin a_i,  y_j = x_j cos a_i + x_i sin a_i,  j = i + D/2 (Su et al., RoFormer, 2021)
//
// Shapes: R rows, each of H heads of size D; a [R, D/2], a_i = position · θ^(-2i / D).
// Backward: the same by -a, since a rotation's transpose is its inverse.

/// Cosines and sines of the rotary position embedding, a row of `headSize / 2` for each position.
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

  /// Turns `heads` heads that begin at `column` of each row, in place: channel i of a head with channel
  /// i + headSize / 2. Row t of the angles is row t's.
  public borrowing func rotate(_ x: Rows, heads: Int, column: Int = 0) {
    turn(x, heads: heads, column: column, back: false)
  }

  /// The backward pass: turns gradients back, since a rotation's transpose is its inverse.
  public borrowing func rotateBack(_ dx: Rows, heads: Int, column: Int = 0) {
    turn(dx, heads: heads, column: column, back: true)
  }

  private borrowing func turn(_ x: Rows, heads: Int, column: Int, back: Bool) {
    let (pairs, cosines, sines) = (self.pairs, self.cosines.base, self.sines.base)
    precondition(
      x.count * pairs <= self.cosines.count && heads >= 0 && column >= 0
        && column + heads * 2 * pairs <= x.width,
      "\(heads) heads of \(2 * pairs) from \(column) on in rows of \(x.width)")
    parallelRanges(x.count, grain: 1 + 4096 / max(heads * pairs, 1)) { range in
      withScratch(pairs) { negated in
        for row in range {
          var turned = UnsafePointer(sines + row * pairs)
          if back {
            for i in 0..<pairs { negated[i] = -turned[i] }
            turned = UnsafePointer(negated)
          }
          for head in 0..<heads {
            kernels.pointee.rotate(
              pairs, x.row(row) + column + head * 2 * pairs, cosines + row * pairs, turned)
          }
        }
      }
    }
  }
}
