import CKernels

// The matrix product, blocked as in Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication" (2008): a block of B is packed to stay in the second-level cache, slivers of A
// stream past it through the registers. Every output is one chain of fused multiply-adds over k, in
// order, so its bits do not depend on the blocking, on `m` and `n`, or on the threads.

/// Columns of a packed panel of B.
let panelWidth = Int(DENJU_PANEL)
/// Depth of a block: a panel of B (16 wide) and the slivers of A stay in the first-level cache.
let blockDepth = 256
/// Rows of a packed block of A.
let blockRows = 168
/// Columns of a packed block of B: with `blockDepth`, half a megabyte.
private let blockColumns = 512

/// out[m, n] (+)= op(a)[m, k] · op(b)[k, n], row-major and dense, by the engine in use. `transposeA`
/// means that `a` is stored as [k, m]; `transposeB` that `b` is stored as [n, k], as a linear layer's
/// weight is.
public func matmul(
  _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  m: Int, k: Int, n: Int, transposeA: Bool = false, transposeB: Bool = false,
  accumulate: Bool = false
) {
  EngineChoice.current.engine.matmul(
    out, a, b, m: m, k: k, n: n, transposeA: transposeA, transposeB: transposeB,
    accumulate: accumulate)
}

/// `matmul` by our own kernels.
func panelProduct(
  _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  m: Int, k: Int, n: Int, transposeA: Bool, transposeB: Bool, accumulate: Bool
) {
  let left = LeftOperand(
    base: a, rowStride: transposeA ? 1 : k, depthStride: transposeA ? m : 1)
  let columns = columnsOfATask(m: m, n: n)
  multiplyTiles(m: m, n: n, taskColumns: columns) { rows, columnRange in
    withScratch(blockDepth * (columnRange.count + panelWidth)) { packed in
      for p in depthBlocks(k) {
        let start =
          b
          + (transposeB
            ? columnRange.lowerBound * k + p.lowerBound
            : p.lowerBound * n + columnRange.lowerBound)
        let stride = p.count * panelWidth
        kernels.pointee.pack_b(
          start, transposeB ? 1 : n, transposeB ? k : 1, p.count, columnRange.count, packed, stride)
        multiplyRows(
          out + columnRange.lowerBound, outStride: n, left, rows: rows, depth: p, panels: packed,
          panelStride: stride, columns: columnRange.count,
          goesOn: accumulate || p.lowerBound > 0)
      }
      // A product over nothing is zero.
      if k == 0 && !accumulate {
        for row in rows {
          (out + row * n + columnRange.lowerBound).update(repeating: 0, count: columnRange.count)
        }
      }
    }
  }
}

/// op(A): element (i, p) is base[i * rowStride + p * depthStride].
private struct LeftOperand {
  let base: UnsafePointer<Float>
  let rowStride: Int
  let depthStride: Int
}

func depthBlocks(_ k: Int) -> some Sequence<Range<Int>> {
  stride(from: 0, to: k, by: blockDepth).lazy.map { $0..<min($0 + blockDepth, k) }
}

/// Enough tasks that the threads end together, none narrower than pays for packing A again.
private func columnsOfATask(m: Int, n: Int) -> Int {
  let tasks = 4 * ThreadTeam.shared.count
  let even = ((n + tasks - 1) / tasks + panelWidth - 1) / panelWidth * panelWidth
  return min(max(even, min(m <= 128 ? 64 : 256, n)), blockColumns)
}

/// Cuts the output into tasks of some columns and, where those are too few for the threads, of some
/// rows, and runs them in parallel.
private func multiplyTiles(
  m: Int, n: Int, taskColumns: Int, _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
) {
  guard m > 0, n > 0 else { return }
  let width = max(taskColumns + panelWidth - 1, panelWidth) / panelWidth * panelWidth
  let across = (n + width - 1) / width
  let sliver = Int(kernels.pointee.sliver)
  let wanted = across >= 2 * ThreadTeam.shared.count ? 1 : 2 * ThreadTeam.shared.count
  let height = max((m + wanted - 1) / wanted + sliver - 1, sliver) / sliver * sliver
  let down = (m + height - 1) / height
  // Too small to be worth waking anyone for.
  let small = m * n <= 4096
  func task(_ index: Int) {
    let (i, j) = (index / across * height, index % across * width)
    body(i..<min(i + height, m), j..<min(j + width, n))
  }
  if small {
    for index in 0..<across * down { task(index) }
  } else {
    parallel(across * down, task)
  }
}

/// The rows of one task over one block of depth: packs A block by block and multiplies. Chains of
/// additions go on from the output, or start from zero.
private func multiplyRows(
  _ out: UnsafeMutablePointer<Float>, outStride: Int, _ left: LeftOperand, rows: Range<Int>,
  depth: Range<Int>, panels: UnsafePointer<Float>, panelStride: Int, columns: Int, goesOn: Bool
) {
  let sliver = Int(kernels.pointee.sliver)
  withScratch((min(blockRows, rows.count) + sliver) * depth.count) { packed in
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
      let count = min(blockRows, rows.upperBound - first)
      kernels.pointee.pack_a(
        left.base + first * left.rowStride + depth.lowerBound * left.depthStride,
        left.rowStride, left.depthStride, count, depth.count, packed)
      kernels.pointee.multiply_block(
        count, columns, depth.count, packed, panels, panelStride, out + first * outStride,
        outStride, goesOn ? 1 : 0, nil)
    }
  }
}

/// Memory for packed operands, aligned to a cache line.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  withUnsafeTemporaryAllocation(
    byteCount: count * MemoryLayout<Float>.stride, alignment: 64
  ) { memory in
    guard let base = memory.baseAddress else { return }
    body(base.bindMemory(to: Float.self, capacity: count))
  }
}
