import CKernels

/// One key-value head's keys and values of a span, in panels that the matrix product's inner loop reads.
struct PackedKeys {
  /// A panel is 16 positions side by side, [D][16].
  let keys: UnsafePointer<Float>
  let keyStride: Int
  /// A panel is 16 channels, [positions][16].
  let values: UnsafePointer<Float>
  let valueStride: Int

  /// The keys from a position on, which begins a panel.
  func keys(from position: Int) -> UnsafePointer<Float> {
    keys + position / KeyValuePanels.width * keyStride
  }

  /// The values from a position on.
  func values(from position: Int) -> UnsafePointer<Float> {
    values + position * KeyValuePanels.width
  }
}

extension Attention {
  /// Calls `body` with the segment's keys and values of one head, packing those that lie in rows.
  func withPackedKeys(
    _ segment: AttentionSegment, head: Int, _ body: ([PackedKeys]) -> Void
  ) {
    let (depth, panel) = (heads.size, KeyValuePanels.width)
    let channels = KeyValuePanels.roundedUp(depth)
    let room = segment.spans.reduce(0) { room, span in
      guard case .rows = span.memory else { return room }
      return room + KeyValuePanels.roundedUp(span.count) * (depth + channels)
    }
    withScratch(room) { scratch in
      var next = scratch
      let packed = segment.spans.map { span in
        switch span.memory {
        case .panels(let panels, let layer):
          return PackedKeys(
            keys: panels.keys(layer, head: head),
            keyStride: panels.keyPanelStride, values: panels.values(layer, head: head),
            valueStride: panels.valuePanelStride)
        case .rows(let keys, let values):
          let capacity = KeyValuePanels.roundedUp(span.count)
          let (packedKeys, packedValues) = (next, next + capacity * depth)
          next += capacity * (depth + channels)
          kernels.pointee.pack_b(
            keys.base + head * depth, 1, keys.width, depth, span.count, packedKeys, depth * panel)
          kernels.pointee.pack_b(
            values.base + head * depth, values.width, 1, span.count, depth, packedValues,
            capacity * panel)
          return PackedKeys(
            keys: packedKeys, keyStride: depth * panel,
            values: packedValues, valueStride: capacity * panel)
        }
      }
      body(packed)
    }
  }
}
