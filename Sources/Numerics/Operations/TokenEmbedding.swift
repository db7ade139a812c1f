// x_t = E[token_t] + P[position_t]
//
// Shapes: R rows, C width, V vocabulary; E [V, C], P [positions, C], x [R, C].
// Backward: dE[token_t] += dx_t, dP[position_t] += dx_t, over the rows in order.

/// out [R, C] = the rows of `tokenTable` that `tokens` name, plus those of `positionTable`.
///
/// - Precondition: every token and position is a row of its table; the caller has checked.
public func tokenEmbeddingForward(
  _ out: UnsafeMutablePointer<Float>, tokens: [Int32], positions: [Int32],
  tokenTable: UnsafePointer<Float>, positionTable: UnsafePointer<Float>, width: Int
) {
  for (row, (token, position)) in zip(tokens, positions).enumerated() {
    let to = out + row * width
    to.update(from: tokenTable + Int(token) * width, count: width)
    axpy(width, 1, positionTable + Int(position) * width, to)
  }
}

/// Rows of one table alone, added to `x` [R, C].
public func positionEmbeddingForward(
  _ x: UnsafeMutablePointer<Float>, positions: [Int32], table: UnsafePointer<Float>, width: Int
) {
  for (row, position) in positions.enumerated() {
    axpy(width, 1, table + Int(position) * width, x + row * width)
  }
}

/// dTable[index_t] += dx_t for every row t, in order. For tokens and positions alike.
public func embeddingBackward(
  dTable: UnsafeMutablePointer<Float>, indices: [Int32], dx: UnsafePointer<Float>, width: Int
) {
  parallelRanges(width, grain: 64) { range in
    for (row, index) in indices.enumerated() {
      axpy(
        range.count, 1, dx + row * width + range.lowerBound,
        dTable + Int(index) * width + range.lowerBound)
    }
  }
}

/// out[i] = x[rows[i]], rows of `width` values.
public func gatherRows(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: [Int32], width: Int
) {
  for (place, row) in rows.enumerated() {
    (out + place * width).update(from: x + Int(row) * width, count: width)
  }
}

/// out[t] = table[indices[t]], row by row. Every index is a row of the table, checked here.
public func gatherRows(_ out: Rows, _ table: Rows, indices: [Int32]) {
  checkIndices(out, table, indices)
  for (row, index) in indices.enumerated() {
    out.row(row).update(from: table.row(Int(index)), count: table.width)
  }
}

/// x[t] += table[indices[t]].
public func addGatheredRows(_ x: Rows, _ table: Rows, indices: [Int32]) {
  checkIndices(x, table, indices)
  for (row, index) in indices.enumerated() { axpy(x.width, 1, table.row(Int(index)), x.row(row)) }
}

/// table[indices[t]] += x[t] for every row t, in order: the backward pass of both.
public func scatterAddRows(_ table: Rows, _ x: Rows, indices: [Int32]) {
  checkIndices(x, table, indices)
  embeddingBackward(dTable: table.base, indices: indices, dx: x.base, width: x.width)
}

private func checkIndices(_ x: Rows, _ table: Rows, _ indices: [Int32]) {
  precondition(
    x.count == indices.count && x.width == table.width
      && indices.allSatisfy { $0 >= 0 && Int($0) < table.count },
    "\(indices.count) indices of a table [\(table.count), \(table.width)]")
}
