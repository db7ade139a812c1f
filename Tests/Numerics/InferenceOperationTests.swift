import Foundation
import Numerics
import Testing

/// The operations of a frozen block against their definitions in double precision.
@Suite struct InferenceOperationTests {
  @Test(arguments: [1, 15, 16, 40, 577]) func rmsNormAgrees(_ width: Int) {
    let (rows, epsilon) = (5, 1e-3)
    let x = random(rows * width, seed: 1)
    let weight = random(width, seed: 2)
    let out = FloatBuffer(x.array())
    RowNorm.rootMeanSquare(weight: Rows(weight, width: width), epsilon: Float(epsilon))
      .normalize(Rows(out, width: width))
    // To another place, and on the way into a product, it has the same bits.
    let apart = FloatBuffer(count: x.count)
    rmsNorm(
      Rows(apart, width: width), Rows(x, width: width), weight: Rows(weight, width: width),
      epsilon: Float(epsilon))
    #expect(apart.array() == out.array())
    for row in 0..<rows {
      let values = (0..<width).map { Double(x[row * width + $0]) }
      let mean = values.reduce(0) { $0 + $1 * $1 } / Double(width)
      for c in 0..<width {
        let expected = values[c] / (mean + epsilon).squareRoot() * Double(weight[c])
        // A handful of roundings of values around one.
        #expect(abs(Double(out[row * width + c]) - expected) <= 1e-6 * max(1, abs(expected)))
      }
    }
  }

  @Test(arguments: [1, 16, 45], GatedLinearUnitTests.units)
  func gatedRowsAgree(_ width: Int, _ unit: GatedLinearUnit) {
    let x = random(GateAndUp.rows(width: width), seed: 3)
    let out = FloatBuffer(count: width + 1)
    unit.apply(out.base, gateAndUp: x.base, width: width)
    for i in 0..<width {
      let (gate, up) = (Double(x[i / 16 * 32 + i % 16]), Double(x[i / 16 * 32 + 16 + i % 16]))
      #expect(abs(Double(out[i]) - GatedLinearUnitTests.exact(unit, gate) * up) <= 1e-6)
    }
    #expect(out[width] == 0)
  }

  /// A product that gates its own pieces, against the product and the gate after it.
  @Test(arguments: [(1, 5), (20, 48), (30, 40)], GatedLinearUnitTests.units)
  func gatedProductAgrees(_ size: (m: Int, width: Int), _ unit: GatedLinearUnit) {
    let (m, width) = size
    let depth = 64
    let gate = random(width * depth, seed: 5)
    let up = random(width * depth, seed: 6)
    let x = random(m * depth, seed: 7)
    let expected = FloatBuffer(count: m * 2 * width)
    matmul(expected.base, x.base, gate.base, m: m, k: depth, n: width, transposeB: true)
    matmul(
      expected.base + m * width, x.base, up.base, m: m, k: depth, n: width, transposeB: true)
    func check(_ out: borrowing FloatBuffer, within tolerance: Double) {
      for index in 0..<m * width {
        let gate = Double(expected[index])
        let value = GatedLinearUnitTests.exact(unit, gate) * Double(expected[m * width + index])
        #expect(abs(Double(out[index]) - value) <= tolerance * max(1, abs(value)))
      }
      #expect(out[m * width] == 0)
    }
    let out = FloatBuffer(count: m * width + 1)
    let packed = PackedRows(capacity: m, depth: depth)
    packed.fill(x.base, rows: m)
    PackedMatrix(
      weight: GateAndUp.weave(gate.array(), up.array(), width: width, columns: depth),
      rows: GateAndUp.rows(width: width), columns: depth
    ).multiplyGated(out.base, packed, m: m, width: width, unit)
    // The products have the same bits; the gate is float32.
    check(out, within: 1e-5)

    let gateCodes = GroupedCodes(rounding: gate.base, rows: width, columns: depth)
    let upCodes = GroupedCodes(rounding: up.base, rows: width, columns: depth)
    let rounded = Int8Rows(capacity: m, depth: depth)
    rounded.fill(x.base, rows: m)
    Int8Matrix(GateAndUp.weave(gateCodes, upCodes)).multiplyGated(
      out.base, rounded, m: m, width: width, unit)
    // 64 products of values around one, each off by a percent at most, and the gate's slope.
    check(out, within: 0.3)
  }

  struct Heads: Sendable, CustomTestStringConvertible {
    let queries: Int, keyValues: Int, size: Int
    var testDescription: String { "\(queries) over \(keyValues) of \(size)" }
  }

  /// Two documents, one continuing after 19 positions whose keys and values are there already,
  /// through rotation, storing and attention.
  @Test(arguments: [
    Heads(queries: 1, keyValues: 1, size: 2), Heads(queries: 4, keyValues: 2, size: 16),
    Heads(queries: 9, keyValues: 3, size: 64), Heads(queries: 5, keyValues: 5, size: 10),
    Heads(queries: 40, keyValues: 2, size: 24),
  ])
  func attentionAgrees(_ heads: Heads) {
    let theta = 100.0
    let lengths = [37, 50]
    let before = 19
    let width = (heads.queries + 2 * heads.keyValues) * heads.size
    // A document's rows are those of one buffer; the first 19 of the second are stored in advance.
    let rows = random(lengths.reduce(0, +) * width, seed: 4)
    let panels = lengths.map {
      KeyValuePanels(headCount: heads.keyValues, headSize: heads.size, capacity: $0)
    }
    let memory = FloatBuffer(count: panels.reduce(0) { $0 + 2 * $1.floatCount })
    // Each document's second layer of two, to see that a layer stays within its own memory.
    func layer(_ document: Int) -> UnsafeMutablePointer<Float> {
      memory.base + (document == 0 ? 0 : 2 * panels[0].floatCount) + panels[document].floatCount
    }
    typealias Piece = (document: Int, firstRow: Int, start: Int, count: Int)
    func run(_ pieces: [Piece], firstRow: Int) -> [Float] {
      let count = pieces.reduce(0) { $0 + $1.count }
      let attention = Attention(
        AttentionHeads(
          count: heads.queries, keyValueCount: heads.keyValues, size: heads.size,
          queryScale: 1 / Float(heads.size).squareRoot()), mask: .causal)
      let values = FloatBuffer(Array(rows.array()[(firstRow * width)...].prefix(count * width)))
      let projected = Rows(values, width: width)
      let out = FloatBuffer(count: count * heads.queries * heads.size)
      RotaryAngles(
        positions: pieces.flatMap { $0.start..<$0.start + $0.count }, dimensions: heads.size,
        theta: Float(theta)
      ).rotate(projected, heads: heads.queries + heads.keyValues)
      for piece in pieces {
        let rows = projected[piece.firstRow..<piece.firstRow + piece.count]
        panels[piece.document].store(
          keys: rows, keyColumn: heads.queries * heads.size, values: rows,
          valueColumn: (heads.queries + heads.keyValues) * heads.size, at: piece.start,
          in: layer(piece.document))
      }
      attention.forward(
        Rows(out, width: heads.queries * heads.size), queries: projected,
        segments: pieces.map { piece in
          AttentionSegment(
            rows: piece.firstRow..<piece.firstRow + piece.count, firstPosition: piece.start,
            spans: [
              KeySpan(
                panels: panels[piece.document], layer: layer(piece.document),
                count: piece.start + piece.count)
            ])
        })
      return out.array()
    }
    // The second document lies first in the rows: 19 of it, then the first one, then its rest.
    let early = run([(1, firstRow: 0, start: 0, count: before)], firstRow: 0)
    let late = run(
      [
        (0, firstRow: 0, start: 0, count: lengths[0]),
        (1, firstRow: lengths[0], start: before, count: lengths[1] - before),
      ], firstRow: before)
    let document = Array(before..<before + lengths[0])
    let other = Array(0..<before) + Array((before + lengths[0])..<(lengths[0] + lengths[1]))
    let rowFloats = heads.queries * heads.size
    let first = Array(late[..<(lengths[0] * rowFloats)])
    let second = early + late[(lengths[0] * rowFloats)...]
    for (rowIndices, ours) in [(document, first), (other, second)] {
      let expected = attention(
        rowIndices.map { row in (0..<width).map { Double(rows[row * width + $0]) } }, heads, theta)
      // Averages of values below one; the angles are rounded to float32.
      #expect(zip(ours, expected).allSatisfy { abs(Double($0) - $1) <= 2e-5 })
    }
  }

  /// One document's attention as it is defined; a row is queries, keys, values.
  private func attention(_ rows: [[Double]], _ heads: Heads, _ theta: Double) -> [Double] {
    let size = heads.size
    func rotated(_ row: Int, _ head: Int) -> [Double] {
      let values = Array(rows[row][head * size..<(head + 1) * size])
      return (0..<size).map { i in
        let pair = i % (size / 2)
        let angle = Double(row) * pow(theta, -2 * Double(pair) / Double(size))
        let other = i < size / 2 ? -values[i + size / 2] : values[pair]
        return values[i] * cos(angle) + other * sin(angle)
      }
    }
    return rows.indices.flatMap { row in
      (0..<heads.queries).flatMap { head -> [Double] in
        let shared = head / (heads.queries / heads.keyValues)
        let query = rotated(row, head)
        let scores = (0...row).map { key in
          zip(query, rotated(key, heads.queries + shared)).reduce(0) { $0 + $1.0 * $1.1 }
            / Double(size).squareRoot()
        }
        let weights = scores.map { Foundation.exp($0) }
        let total = weights.reduce(0, +)
        let place = (heads.queries + heads.keyValues + shared) * size
        return (0..<size).map { d in
          (0...row).reduce(0) { $0 + weights[$1] / total * rows[$1][place + d] }
        }
      }
    }
  }
}
