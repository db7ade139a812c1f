import CKernels

/// A matrix that lies anywhere in memory: element (i, j) is base[i * rowStride + j * columnStride].
struct StridedMatrix {
  let base: UnsafePointer<Float>
  let rowStride: Int
  let columnStride: Int

  init(_ base: UnsafePointer<Float>, rowStride: Int, columnStride: Int = 1) {
    self.base = base
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  var transposed: StridedMatrix {
    StridedMatrix(base, rowStride: columnStride, columnStride: rowStride)
  }
}

/// out[m, n] (+)= a[m, k] · b[k, n] on the calling thread, with the arithmetic of `matmul`: every
/// output is one chain of fused multiply-adds over k, in order. Rows of `out` lie `outStride` apart.
///
/// For products too small to be worth a team, one a task: a head's scores, a head's values.
func stridedProduct(
  _ out: UnsafeMutablePointer<Float>, outStride: Int, _ a: StridedMatrix, _ b: StridedMatrix,
  m: Int, k: Int, n: Int, accumulate: Bool = false
) {
  guard m > 0, n > 0 else { return }
  let sliver = Int(kernels.pointee.sliver)
  let panel = Int(DENJU_PANEL)
  let left = (m + sliver - 1) / sliver * sliver * k
  let right = (n + panel - 1) / panel * panel * k
  withUnsafeTemporaryAllocation(of: Float.self, capacity: left + right + 1) { scratch in
    guard let packedA = scratch.baseAddress else { return }
    let packedB = packedA + left
    kernels.pointee.pack_a(a.base, a.rowStride, a.columnStride, m, k, packedA)
    kernels.pointee.pack_b(b.base, b.rowStride, b.columnStride, k, n, packedB, k * panel)
    kernels.pointee.multiply_block(
      m, n, k, packedA, packedB, k * panel, out, outStride, accumulate ? 1 : 0, nil)
  }
}
