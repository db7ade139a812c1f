// g = sigmoid(W [x; a] + b), and the two ways of mixing what was read into the stream
//
// Shapes: R rows, C width; x, a, g, y [R, C]; W [C, 2C], b [C]; [x; a] is the concatenation [R, 2C].
//   `added`:  y = x + g a                    dx += dy,           da = g dy,  dg = a dy
//   `convex`: y = x + (g a + (1 - g) x)      dx += dy (2 - g),   da = g dy,  dg = (a - x) dy
// and through the gate: dz = dg g (1 - g), [dx; da] += dz W, dW += dzᵀ [x; a], db += Σ dz.

/// How what was read is mixed into the stream under its gate.
public enum GateMixture: Sendable {
  /// x + g a: the branch is added.
  case added

  /// x + (g a + (1 - g) x): the paper's mixture with its residual.
  case convex

  /// out = mixture of `x` and `a` under `gate`, all of one shape.
  public func forward(_ out: Rows, gate: Rows, x: Rows, a: Rows) {
    precondition([gate, x, a].allSatisfy(out.isSameShape), "a gate for each value")
    let (out, gate, x, a, count) = (out.base, gate.base, x.base, a.base, out.elementCount)
    parallelRanges(count, grain: 8192) { range in
      switch self {
      case .added: for i in range { out[i] = x[i] + gate[i] * a[i] }
      case .convex: for i in range { out[i] = x[i] + (gate[i] * a[i] + (1 - gate[i]) * x[i]) }
      }
    }
  }

  /// `dStream` holds dy and becomes dx without the gate's part; writes `da` without the gate's part, and
  /// `dz`, the gradient before the sigmoid. All are of one shape.
  public func backward(dStream: Rows, da: Rows, dz: Rows, gate: Rows, x: Rows, a: Rows) {
    precondition([da, dz, gate, x, a].allSatisfy(dStream.isSameShape), "a gate for each value")
    let (dStream, count) = (dStream.base, dStream.elementCount)
    let (da, dz, gate, x, a) = (da.base, dz.base, gate.base, x.base, a.base)
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

/// out [R, 2C] = [x; a], row by row: the gate's input.
public func concatenateColumns(_ out: Rows, _ x: Rows, _ a: Rows) {
  checkPair(out, x, a)
  let width = x.width
  parallelRanges(x.count, grain: 32) { range in
    for row in range {
      let to = out.row(row)
      to.update(from: x.row(row), count: width)
      (to + width).update(from: a.row(row), count: width)
    }
  }
}

/// The backward pass of `concatenateColumns`: dx += the first half of `dOut`, da += the second.
public func addSplitColumns(dx: Rows, da: Rows, dOut: Rows) {
  checkPair(dOut, dx, da)
  let width = dx.width
  parallelRanges(dx.count, grain: 32) { range in
    for row in range {
      let from = dOut.row(row)
      axpy(width, 1, from, dx.row(row))
      axpy(width, 1, from + width, da.row(row))
    }
  }
}

private func checkPair(_ pair: Rows, _ x: Rows, _ a: Rows) {
  precondition(
    x.isSameShape(as: a) && pair.count == x.count && pair.width == 2 * x.width,
    "[x; a] of rows of \(x.width) and \(a.width) in rows of \(pair.width)")
}
