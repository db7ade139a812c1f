import Numerics

// Many documents at once. Their tokens go through the matrix products together; attention stays
// within each document.
extension KnowledgeSource {
  /// Rows that go through a block together, if documents allow: enough for the matrix products to
  /// run at full speed, few enough for the activations to stay in the cache.
  private static let rowsOfAPass = 512

  /// Writes the states of documents at `layer`, 0 ... N, to `out`: [tokens of all documents, width],
  /// back to back. A document may be empty.
  ///
  /// `normalized` says whether the final norm is applied to them; nil means at layer N alone.
  /// Everything is checked before anything is computed.
  public func states(
    batch documents: [[Int32]], layer: Int, normalized: Bool? = nil,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    for ids in documents { try check(ids) }
    try check(layer: layer)
    embed(documents.lazy.joined(), into: out)
    continueStates(out, lengths: documents.map(\.count), from: 0, to: layer, normalized: normalized)
  }

  /// Goes on from the states of documents at layer `first`, un-normalised, to those at layer `last`,
  /// in place: `states` is [tokens of all documents, width], and `lengths` says how many tokens each
  /// document has. A document is whole: its first row is the token at position 0.
  public func advance(
    _ states: UnsafeMutablePointer<Float>, lengths: [Int], from first: Int, to last: Int,
    normalized: Bool? = nil
  ) throws(KnowledgeSourceError) {
    try check(layer: last)
    guard (0...last).contains(first) else {
      throw .layerOutOfRange(layer: first, layerCount: last)
    }
    for length in lengths { try check(length: length) }
    continueStates(states, lengths: lengths, from: first, to: last, normalized: normalized)
  }

  private func continueStates(
    _ states: UnsafeMutablePointer<Float>, lengths: [Int], from first: Int, to last: Int,
    normalized: Bool?
  ) {
    var row = 0
    var next = 0
    while next < lengths.count {
      var rows = lengths[next]
      var end = next + 1
      while end < lengths.count, rows + lengths[end] <= Self.rowsOfAPass {
        rows += lengths[end]
        end += 1
      }
      advanceWhole(states + row * width, lengths: lengths[next..<end], layers: first..<last)
      if normalized ?? (last == layerCount) { normalize(states + row * width, rows: rows) }
      row += rows
      next = end
    }
  }

  /// Runs whole documents through `layers`; the keys and values of one layer at a time are kept.
  private func advanceWhole(
    _ states: UnsafeMutablePointer<Float>, lengths: ArraySlice<Int>, layers: Range<Int>
  ) {
    guard !layers.isEmpty else { return }
    let layouts = lengths.map(keyValuePanels(capacity:))
    let memory = FloatBuffer(count: layouts.reduce(0) { $0 + $1.floatCount })
    var spans: [AttentionSpan] = []
    var (row, offset) = (0, 0)
    for (length, panels) in zip(lengths, layouts) {
      spans.append(
        AttentionSpan(
          firstRow: row, count: length, start: 0, panels: panels, layers: memory.base + offset,
          layerStride: 0))
      row += length
      offset += panels.floatCount
    }
    forward(states, spans: spans, layers: layers)
  }
}

// What every way in checks.
extension KnowledgeSource {
  /// Throws unless `ids`, from position `start` on, are in the vocabulary and within the positions.
  func check(_ ids: [Int32], from start: Int = 0) throws(KnowledgeSourceError) {
    try check(length: start + ids.count)
    let vocabulary = 0..<vocabularySize
    for (index, id) in ids.enumerated() where !vocabulary.contains(Int(id)) {
      throw .tokenOutOfRange(
        id: id, position: start + index, vocabularySize: vocabularySize)
    }
  }

  func check(length: Int) throws(KnowledgeSourceError) {
    guard length <= maximumPositions else {
      throw .tooLong(count: length, maximumPositions: maximumPositions)
    }
  }

  func check(layer: Int) throws(KnowledgeSourceError) {
    guard (0...layerCount).contains(layer) else {
      throw .layerOutOfRange(layer: layer, layerCount: layerCount)
    }
  }
}
