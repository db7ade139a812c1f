import CKernels

/// Keys and values of `count` consecutive positions of one document, in every layer.
public struct KeyValueSegment {
  public let count: Int
  public let panels: KeyValuePanels
  /// Layer k's keys and values begin at `layers + k * layerStride`.
  let layers: UnsafeMutablePointer<Float>
  let layerStride: Int

  /// `layers` has room for `count` positions of every layer and outlives the segment.
  public init(
    count: Int, panels: KeyValuePanels, layers: UnsafeMutablePointer<Float>, layerStride: Int
  ) {
    self.count = count
    self.panels = panels
    self.layers = layers
    self.layerStride = layerStride
  }

  func layer(_ index: Int) -> UnsafeMutablePointer<Float> { layers + index * layerStride }
}

/// Rows of a batch that continue one document: `count` rows from `firstRow` on. The positions before
/// them lie in `earlier`, which other documents may read too, and then in `own`, where the rows'
/// keys and values go behind those that it holds.
public struct AttentionSpan {
  public let firstRow: Int
  public let count: Int
  public let earlier: [KeyValueSegment]
  public let own: KeyValueSegment

  /// `own` has room for `count` more positions of every layer.
  public init(
    firstRow: Int, count: Int, earlier: [KeyValueSegment] = [], own: KeyValueSegment
  ) {
    self.firstRow = firstRow
    self.count = count
    self.earlier = earlier
    self.own = own
  }

  /// The position of the first row.
  public var start: Int { earlier.reduce(own.count) { $0 + $1.count } }
}

/// Causal self-attention of inference, in which a group of query heads shares one head of keys and
/// values (Ainslie et al., GQA, 2023), with rotary positions:
///
///     out[t, h] = Σ over j <= t of softmax_j(q[t, h] · k[j, g] / sqrt(D)) v[j, g],  g = h / (H / G)
///
/// H query heads, G key-value heads, head size D. Rows are those of a batch of documents back to
/// back; a row attends within its own document alone. Forward only: the source is frozen.
///
/// A row's result depends on its own document up to itself and on nothing else: a score is one chain
/// over D, the softmax runs in 16 lanes by position, an output is one chain over j = 0, 1, ..., t.
public struct GroupedQueryAttention {
  public let headCount: Int
  public let keyValueHeadCount: Int
  public let headSize: Int
  private let spans: [AttentionSpan]
  private let tasks: [Task]

  /// Some rows of a span that attend together, for one key-value head.
  private struct Task {
    let span: Int
    let head: Int
    let rows: Range<Int>
  }

  /// Values in a row of queries, keys and values, which lie one behind the other.
  public var projectedWidth: Int { (headCount + 2 * keyValueHeadCount) * headSize }

  /// Plans the work over `spans` once, for all layers. `headCount` is a multiple of
  /// `keyValueHeadCount`.
  public init(
    headCount: Int, keyValueHeadCount: Int, headSize: Int, spans: [AttentionSpan]
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.spans = spans
    // Two slivers of rows keep the inner loop full; the last rows of a task that attend to more
    // positions than its first are finished one by one, so tasks stay short.
    let rows = max(1, 2 * Int(kernels.pointee.sliver) * keyValueHeadCount / headCount)
    var tasks: [Task] = []
    for (index, span) in spans.enumerated() {
      for first in stride(from: 0, to: span.count, by: rows) {
        for head in 0..<keyValueHeadCount {
          tasks.append(
            Task(span: index, head: head, rows: first..<min(first + rows, span.count)))
        }
      }
    }
    self.tasks = tasks
  }

  /// Turns queries and keys by their positions' angles, in place, and puts keys and values into the
  /// documents' panels. `projected` is [rows, projectedWidth]; row t of `angles` is row t's.
  public func store(
    _ projected: UnsafeMutablePointer<Float>, angles: borrowing RotaryAngles, layer: Int
  ) {
    let group = headCount / keyValueHeadCount
    parallel(tasks.count) { index in
      let task = tasks[index]
      let span = spans[task.span]
      for index in task.rows {
        let row = span.firstRow + index
        let queries = projected + (row * projectedWidth + task.head * group * headSize)
        let key = projected + (row * projectedWidth + (headCount + task.head) * headSize)
        for member in 0..<group { angles.rotate(queries + member * headSize, row: row) }
        angles.rotate(key, row: row)
        span.own.panels.store(
          key: key, value: key + keyValueHeadCount * headSize, head: task.head,
          position: span.own.count + index, in: span.own.layer(layer))
      }
    }
  }

  /// out[rows, headCount · headSize] from the turned queries in `projected` and the stored panels.
  public func attend(
    _ out: UnsafeMutablePointer<Float>, _ projected: UnsafePointer<Float>, layer: Int
  ) {
    parallel(tasks.count) { index in
      let task = tasks[index]
      attend(out, projected, task, spans[task.span], layer: layer)
    }
  }

  private func attend(
    _ out: UnsafeMutablePointer<Float>, _ projected: UnsafePointer<Float>, _ task: Task,
    _ span: AttentionSpan, layer: Int
  ) {
    let group = headCount / keyValueHeadCount
    let (depth, width) = (headSize, KeyValuePanels.roundedUp(headSize))
    let rows = task.rows.count * group
    let before = span.start - span.own.count
    let own = span.own.count + task.rows.upperBound
    // Each segment's columns run on to the end of its last panel; the next one's lie over them.
    let columns = before + KeyValuePanels.roundedUp(own)
    let sliver = Int(kernels.pointee.sliver)
    let slivered = (rows + sliver - 1) / sliver * sliver
    let firstRow = span.firstRow + task.rows.lowerBound
    let scale = 1 / Float(headSize).squareRoot()

    // Row r of the work below is head r % group of the task's row r / group.
    withFloats(rows * (width + columns) + slivered * max(depth, before + own)) { gathered in
      let scores = gathered + rows * width
      let packed = scores + rows * columns
      for r in 0..<rows {
        let query =
          projected + (firstRow + r / group) * projectedWidth
          + (task.head * group + r % group) * depth
        for d in 0..<depth { gathered[r * depth + d] = query[d] * scale }
      }
      kernels.pointee.pack_a(gathered, depth, 1, rows, depth, packed)
      var position = 0
      func score(_ segment: KeyValueSegment, _ count: Int) {
        kernels.pointee.multiply_block(
          rows, KeyValuePanels.roundedUp(count), depth, packed,
          segment.panels.keys(segment.layer(layer), head: task.head), segment.panels.keyPanelStride,
          scores + position, columns, 0, nil)
        position += count
      }
      for segment in span.earlier { score(segment, segment.count) }
      score(span.own, own)
      // Columns past a row's own position are computed and never read.
      let first = before + span.own.count + task.rows.lowerBound
      for r in 0..<rows {
        softmax(first + r / group + 1, scores + r * columns)
      }

      // All rows over the positions that the first one sees, then each over the rest of its own.
      let positions = before + own
      kernels.pointee.pack_a(scores, columns, 1, rows, positions, packed)
      let shared = span.own.count + task.rows.lowerBound + 1
      let values = span.own.panels.values(span.own.layer(layer), head: task.head)
      for first in stride(from: 0, to: rows, by: sliver) {
        let weights = packed + first * positions
        var position = 0
        for segment in span.earlier {
          kernels.pointee.multiply_block(
            min(sliver, rows - first), width, segment.count, weights + position * sliver,
            segment.panels.values(segment.layer(layer), head: task.head),
            segment.panels.valuePanelStride, gathered + first * width, width,
            position > 0 ? 1 : 0, nil)
          position += segment.count
        }
        kernels.pointee.multiply_block(
          min(sliver, rows - first), width, shared, weights + position * sliver, values,
          span.own.panels.valuePanelStride, gathered + first * width, width,
          position > 0 ? 1 : 0, nil)
        for r in max(first, group)..<max(min(first + sliver, rows), first, group) {
          kernels.pointee.multiply_block(
            1, width, r / group, weights + (position + shared) * sliver + (r - first),
            values + shared * KeyValuePanels.width, span.own.panels.valuePanelStride,
            gathered + r * width, width, 1, nil)
        }
      }
      for r in 0..<rows {
        let to =
          out + ((firstRow + r / group) * headCount + task.head * group + r % group) * depth
        to.update(from: gathered + r * width, count: depth)
      }
    }
  }
}

/// Memory of one task, aligned to a cache line.
private func withFloats(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  withUnsafeTemporaryAllocation(
    byteCount: count * MemoryLayout<Float>.stride, alignment: 64
  ) { memory in
    guard let base = memory.baseAddress else { return }
    body(base.bindMemory(to: Float.self, capacity: count))
  }
}
