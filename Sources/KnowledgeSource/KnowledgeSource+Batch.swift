import Numerics

// Many documents at once. Their tokens go through the matrix products together; attention stays
// within each document.
extension KnowledgeSource {
  /// Rows that go through a block together, if documents allow: enough for the matrix products to
  /// run at full speed, few enough for the activations to stay in the cache.
  public static let rowsOfAPass = 512

  /// Writes the states of documents at `layer`, 0 ... N, to `out`: [tokens of all documents, width],
  /// back to back. A document may be empty.
  ///
  /// `normalized` says whether the final norm is applied to them; nil means at layer N alone.
  /// Everything is checked before anything is computed.
  public func states(
    batch documents: [[Int32]], layer: Int, normalized: Bool? = nil,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try states(
      continuing: documents.map { SourceContinuation(prefix: nil, ids: $0) }, layer: layer,
      normalized: normalized, into: out)
  }

  /// The same for documents that may each go on from a prefix: writes the states of `ids` alone. A
  /// session that is a prefix is read, and left as it is.
  ///
  /// - Precondition: prefixes are sessions of this source whose layer is at least `layer`.
  public func states(
    continuing pieces: [SourceContinuation], layer: Int, normalized: Bool? = nil,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    precondition(
      pieces.allSatisfy { piece in
        piece.prefix.map { $0.source === self && $0.layer >= layer } ?? true
      }, "a prefix must be of this source and reach the layer")
    try check(layer: layer)
    for piece in pieces { try check(piece.ids, from: piece.prefix?.count ?? 0) }
    embed(pieces.lazy.map(\.ids).joined(), into: out)
    withExtendedLifetime(pieces) {
      continueStates(
        out, parts: pieces.map { Part(earlier: $0.prefix?.segments ?? [], count: $0.ids.count) },
        from: 0, to: layer, normalized: normalized)
    }
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
    continueStates(
      states, parts: lengths.map { Part(earlier: [], count: $0) }, from: first, to: last,
      normalized: normalized)
  }

  /// A document's rows, and the positions before them.
  private struct Part {
    let earlier: [KeyValueSegment]
    let count: Int
  }

  private func continueStates(
    _ states: UnsafeMutablePointer<Float>, parts: [Part], from first: Int, to last: Int,
    normalized: Bool?
  ) {
    var row = 0
    var next = 0
    while next < parts.count {
      var rows = parts[next].count
      var end = next + 1
      while end < parts.count, rows + parts[end].count <= Self.rowsOfAPass {
        rows += parts[end].count
        end += 1
      }
      advance(states + row * width, parts[next..<end], layers: first..<last)
      if normalized ?? (last == layerCount) { normalize(states + row * width, rows: rows) }
      row += rows
      next = end
    }
  }

  /// Runs documents to their ends through `layers`; the keys and values of one layer at a time are
  /// kept.
  private func advance(
    _ states: UnsafeMutablePointer<Float>, _ parts: ArraySlice<Part>, layers: Range<Int>
  ) {
    guard !layers.isEmpty else { return }
    let layouts = parts.map { keyValuePanels(capacity: $0.count) }
    let memory = FloatBuffer(count: layouts.reduce(0) { $0 + $1.floatCount })
    var spans: [AttentionSpan] = []
    var (row, offset) = (0, 0)
    for (part, panels) in zip(parts, layouts) {
      spans.append(
        AttentionSpan(
          firstRow: row, count: part.count, earlier: part.earlier,
          own: KeyValueSegment(
            count: 0, panels: panels, layers: memory.base + offset, layerStride: 0)))
      row += part.count
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
