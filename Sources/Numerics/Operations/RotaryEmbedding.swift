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

extension RotaryAngles {
  /// Turns `heads` heads that begin at `column` of each row, in place; row t of the angles is row t's.
  public borrowing func rotate(_ x: Rows, heads: Int, column: Int = 0) {
    turn(x, heads: heads, column: column, sines: sines.base)
  }

  /// The backward pass: turns gradients back, since a rotation's transpose is its inverse.
  public borrowing func rotateBack(_ dx: Rows, heads: Int, column: Int = 0) {
    let sines = sines.base
    let negated = FloatBuffer(count: self.sines.count)
    for index in 0..<negated.count { negated[index] = -sines[index] }
    turn(dx, heads: heads, column: column, sines: negated.base)
  }

  private borrowing func turn(
    _ x: Rows, heads: Int, column: Int, sines: UnsafePointer<Float>
  ) {
    let (pairs, cosines) = (self.pairs, self.cosines.base)
    precondition(
      x.count * pairs <= self.cosines.count && column >= 0
        && column + heads * 2 * pairs <= x.width, "\(heads) heads of \(2 * pairs) in \(x.width)")
    parallelRanges(x.count, grain: 1 + 4096 / max(heads * pairs, 1)) { range in
      for row in range {
        for head in 0..<heads {
          kernels.pointee.rotate(
            pairs, x.row(row) + column + head * 2 * pairs, cosines + row * pairs,
            sines + row * pairs)
        }
      }
    }
  }
}
