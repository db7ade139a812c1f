import CKernels
import Foundation

// y_i = x_i cos a_i - x_j sin a_i,  y_j = x_j cos a_i + x_i sin a_i,  j = i + D/2 (Su et al., RoFormer, 2021)
//
// Shapes: R rows, each of H heads of size D, of which the first d ≤ D channels turn and the others stay;
// a [R, d/2], a_i = position · f_i with f_i = θ^(-2i / d), or what a scaling makes of it. Where d is odd, one
// channel more turns, as in transformers. Where a scaling has a
// magnitude, cosines and sines are multiplied by it.
// Backward: the same by -a, since a rotation's transpose is its inverse.

/// Cosines and sines of the rotary position embedding, a row of a value a frequency for each position.
///
/// Frequencies and angles are rounded to float32, as in transformers, since the models were trained
/// so: at position 8,000 the rounding moves an angle by 2⁻¹¹. Their cosines and sines are computed
/// in double precision and rounded, which leaves nothing to the library's last bit.
public struct RotaryAngles: ~Copyable {
  /// Pairs of channels that turn together, from a head's first channel on.
  public let pairs: Int
  let cosines: FloatBuffer
  let sines: FloatBuffer

  /// - Parameters:
  ///   - frequencies: by what an angle grows from one position to the next, one a pair.
  ///   - magnitude: what cosines and sines are multiplied by.
  public init(positions: [Int], frequencies: [Float], magnitude: Float = 1) {
    let pairs = frequencies.count
    self.pairs = pairs
    cosines = FloatBuffer(count: positions.count * pairs)
    sines = FloatBuffer(count: positions.count * pairs)
    let (cosines, sines) = (cosines.base, sines.base)
    parallelRanges(positions.count, grain: 1 + 1024 / max(pairs, 1)) { range in
      for row in range {
        for i in 0..<pairs {
          let angle = Double(Float(positions[row]) * frequencies[i])
          cosines[row * pairs + i] = Float(cos(angle)) * magnitude
          sines[row * pairs + i] = Float(sin(angle)) * magnitude
        }
      }
    }
  }

  /// Unscaled angles over the first `dimensions` channels of a head, all of it as a rule.
  public init(positions: [Int], dimensions: Int, theta: Float) {
    self.init(
      positions: positions, frequencies: Self.frequencies(dimensions: dimensions, theta: theta))
  }

  /// θ^(-2i / d), i in 0 ..< d/2, rounded up.
  public static func frequencies(dimensions: Int, theta: Float) -> [Float] {
    (0..<(dimensions + 1) / 2).map { i in
      1 / Float(pow(Double(theta), Double(Float(2 * i) / Float(dimensions))))
    }
  }

  /// Turns `heads` heads that begin at `column` of each row, in place: channel i of a head with channel
  /// i + `pairs`. Row t of the angles is row t's.
  ///
  /// - Parameter headSize: channels from one head to the next; nil: as many as turn.
  public borrowing func rotate(_ x: Rows, heads: Int, headSize: Int? = nil, column: Int = 0) {
    turn(x, heads: heads, headSize: headSize, column: column, back: false)
  }

  /// The backward pass: turns gradients back, since a rotation's transpose is its inverse.
  public borrowing func rotateBack(_ dx: Rows, heads: Int, headSize: Int? = nil, column: Int = 0) {
    turn(dx, heads: heads, headSize: headSize, column: column, back: true)
  }

  private borrowing func turn(
    _ x: Rows, heads: Int, headSize: Int?, column: Int, back: Bool
  ) {
    let (pairs, cosines, sines) = (self.pairs, self.cosines.base, self.sines.base)
    let size = headSize ?? 2 * pairs
    precondition(
      x.count * pairs <= self.cosines.count && heads >= 0 && column >= 0 && size >= 2 * pairs
        && column + heads * size <= x.width,
      "\(heads) heads of \(size) from \(column) on in rows of \(x.width), \(2 * pairs) turned")
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
              pairs, x.row(row) + column + head * size, cosines + row * pairs, turned)
          }
        }
      }
    }
  }
}
