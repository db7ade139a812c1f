// g = sigmoid(W [x; a] + b), and the two ways of mixing what was read into the stream
//
// Shapes: R rows, C width; x, a, g, y [R, C]; W [C, 2C], b [C]; [x; a] is the concatenation [R, 2C].
//   `added`:  y = x + g a                    dx += dy,           da = g dy,  dg = a dy
//   `convex`: y = x + (g a + (1 - g) x)      dx += dy (2 - g),   da = g dy,  dg = (a - x) dy
// and through the gate: dz = dg g (1 - g), [dx; da] += dz W, dW += dzᵀ [x; a], db += Σ dz.

public enum GateMixture: Sendable {
  /// x + g a: the branch is added.
  case added

  /// x + (g a + (1 - g) x): the paper's mixture with its residual.
  case convex

  /// out = mixture of `x` and `a` under `gate`, `count` elements.
  public func forward(
    _ out: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, x: UnsafePointer<Float>,
    a: UnsafePointer<Float>, count: Int
  ) {
    parallelRanges(count, grain: 8192) { range in
      switch self {
      case .added: for i in range { out[i] = x[i] + gate[i] * a[i] }
      case .convex: for i in range { out[i] = x[i] + (gate[i] * a[i] + (1 - gate[i]) * x[i]) }
      }
    }
  }

  /// `dStream` holds dy and becomes dx without the gate's part; writes `da` without the gate's part,
  /// and `dz`, the gradient before the sigmoid.
  public func backward(
    dStream: UnsafeMutablePointer<Float>, da: UnsafeMutablePointer<Float>,
    dz: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, x: UnsafePointer<Float>,
    a: UnsafePointer<Float>, count: Int
  ) {
    parallelRanges(count, grain: 8192) { range in
      for i in range {
        let dy = dStream[i]
        let g = gate[i]
        da[i] = g * dy
        switch self {
        case .added:
          dz[i] = a[i] * dy * (g * (1 - g))
        case .convex:
          dz[i] = (a[i] - x[i]) * dy * (g * (1 - g))
          dStream[i] = dy * (2 - g)
        }
      }
    }
  }
}

extension GateMixture {
  /// out = mixture of `x` and `a` under `gate`, all of one shape.
  public func forward(_ out: Rows, gate: Rows, x: Rows, a: Rows) {
    precondition([gate, x, a].allSatisfy(out.isSameShape), "a gate for each value")
    forward(out.base, gate: gate.base, x: x.base, a: a.base, count: out.elementCount)
  }

  /// As with pointers, all of one shape.
  public func backward(dStream: Rows, da: Rows, dz: Rows, gate: Rows, x: Rows, a: Rows) {
    precondition([da, dz, gate, x, a].allSatisfy(dStream.isSameShape), "a gate for each value")
    backward(
      dStream: dStream.base, da: da.base, dz: dz.base, gate: gate.base, x: x.base, a: a.base,
      count: dStream.elementCount)
  }
}

/// out [R, 2C] = [x; a], row by row: the gate's input.
public func concatenateColumns(_ out: Rows, _ x: Rows, _ a: Rows) {
  precondition(
    x.isSameShape(as: a) && out.count == x.count && out.width == 2 * x.width, "[x; a] is [R, 2C]")
  concatenateColumns(out.base, x.base, a.base, rows: x.count, width: x.width)
}

/// The backward pass of `concatenateColumns`: dx += the first half of `dOut`, da += the second.
public func addSplitColumns(dx: Rows, da: Rows, dOut: Rows) {
  precondition(
    dx.isSameShape(as: da) && dOut.count == dx.count && dOut.width == 2 * dx.width,
    "[x; a] is [R, 2C]")
  addSplitColumns(dx: dx.base, da: da.base, dOut: dOut.base, rows: dx.count, width: dx.width)
}

/// out [R, 2C] = [x; a], row by row: the gate's input.
public func concatenateColumns(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ a: UnsafePointer<Float>,
  rows: Int, width: Int
) {
  parallelRanges(rows, grain: 32) { range in
    for row in range {
      let to = out + row * 2 * width
      to.update(from: x + row * width, count: width)
      (to + width).update(from: a + row * width, count: width)
    }
  }
}

/// The backward pass of `concatenateColumns`: dx += the first half of `dOut`, da += the second.
public func addSplitColumns(
  dx: UnsafeMutablePointer<Float>, da: UnsafeMutablePointer<Float>, dOut: UnsafePointer<Float>,
  rows: Int, width: Int
) {
  parallelRanges(rows, grain: 32) { range in
    for row in range {
      let from = dOut + row * 2 * width
      axpy(width, 1, from, dx + row * width)
      axpy(width, 1, from + width, da + row * width)
    }
  }
}
