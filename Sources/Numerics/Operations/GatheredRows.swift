// out_t = T[i_t], or x_t += T[i_t]: token and position embeddings, and rows that were chosen
//
// Shapes: R rows, C width, N rows of the table; T [N, C], i [R], x, out [R, C].
// Backward, of both: dT[i_t] += dx_t, over the rows in order.

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

/// The backward pass of both: table[indices[t]] += x[t] for every row t, in order.
public func scatterAddRows(_ table: Rows, _ x: Rows, indices: [Int32]) {
  checkIndices(x, table, indices)
  parallelRanges(x.width, grain: 64) { range in
    for (row, index) in indices.enumerated() {
      axpy(
        range.count, 1, x.row(row) + range.lowerBound,
        table.row(Int(index)) + range.lowerBound)
    }
  }
}

private func checkIndices(_ x: Rows, _ table: Rows, _ indices: [Int32]) {
  precondition(
    x.count == indices.count && x.width == table.width
      && indices.allSatisfy { $0 >= 0 && Int($0) < table.count },
    "\(indices.count) indices of a table [\(table.count), \(table.width)]")
}
