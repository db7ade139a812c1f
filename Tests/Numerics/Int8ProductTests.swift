import CKernels
import Foundation
import Numerics
import TestSupport
import Testing

/// Products of 8-bit codes: exact up to float32's additions, the same on every instruction set.
@Suite struct Int8ProductTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let m: Int, depth: Int, rows: Int
    var testDescription: String { "\(m) x \(depth) x \(rows)" }
  }

  static let shapes = [
    Shape(m: 1, depth: 32, rows: 16), Shape(m: 7, depth: 40, rows: 37),
    Shape(m: 29, depth: 96, rows: 70), Shape(m: 100, depth: 257, rows: 129),
    Shape(m: 20, depth: 1100, rows: 33),
  ]

  /// A weight of random codes, the largest and smallest among them.
  private func codes(
    _ rows: Int, _ columns: Int, bits: Int, zero: Int32, hasMinimums: Bool, seed: UInt64
  ) -> GroupedCodes {
    var generator = SeededGenerator(seed: seed)
    let groups = (columns + 31) / 32
    let codes = (0..<rows * groups * 32).map { index -> UInt8 in
      if index % (groups * 32) >= columns { return UInt8(zero) }
      return UInt8(generator.next() % (1 << UInt64(bits)))
    }
    let scales = (0..<rows * groups).map { _ in 0.01 + abs(generator.normal()) }
    let minimums = hasMinimums ? (0..<rows * groups).map { _ in generator.normal() } : nil
    return GroupedCodes(
      rows: rows, columns: columns, bits: bits, zero: zero, codes: codes, scales: scales,
      minimums: minimums)
  }

  private func value(_ part: GroupedCodes, _ row: Int, _ column: Int) -> Double {
    let groups = (part.columns + 31) / 32
    let group = row * groups + column / 32
    return Double(part.scales[group])
      * Double(Int32(part.codes[row * groups * 32 + column]) - part.zero)
      + Double(part.minimums?[group] ?? 0)
  }

  /// x as the product sees it: rounded to 8 bits in groups of 32, or to 15 in two terms.
  private func rounded(
    _ x: borrowing FloatBuffer, m: Int, depth: Int, terms: Int
  ) -> [Double] {
    let steps: Float = terms == 2 ? 127 * 128 : 127
    var values: [Double] = []
    for row in 0..<m {
      for first in stride(from: 0, to: depth, by: 32) {
        let group = (first..<min(first + 32, depth)).map { x[row * depth + $0] }
        let largest = group.map(abs).max() ?? 0
        let scale = largest / steps
        values += group.map {
          largest > 0
            ? Double(($0 * (steps / largest)).rounded(.toNearestOrEven)) * Double(scale) : 0
        }
      }
    }
    return values
  }

  @Test(
    arguments: shapes,
    [(4, 8, false, 1), (4, 0, true, 1), (8, 128, false, 1), (8, 16, true, 1), (4, 0, true, 2)]
      + [(8, 128, false, 2)])
  func productAgreesWithDoublePrecision(_ shape: Shape, _ form: (Int, Int32, Bool, Int)) {
    let (m, depth, rows) = (shape.m, shape.depth, shape.rows)
    let part = codes(
      rows, depth, bits: form.0, zero: form.1, hasMinimums: form.2, seed: UInt64(rows))
    let x = random(m * depth, seed: 6)
    let bias = random(rows, seed: 7)
    let input = Int8Rows(capacity: m, depth: depth, terms: form.3)
    input.fill(x.base, rows: m)
    let out = FloatBuffer(count: m * rows)
    Int8Matrix([part]).multiply(out.base, input, m: m, bias: bias.base)
    let left = rounded(x, m: m, depth: depth, terms: form.3)
    let largest = 16 * Double(part.scales.max() ?? 0)
    for i in 0..<m {
      for j in 0..<rows {
        var (sum, size) = (Double(bias[j]), 1.0)
        for k in 0..<depth {
          sum += left[i * depth + k] * value(part, j, k)
          size += abs(left[i * depth + k]) * largest
        }
        // Some tens of roundings of partial sums.
        #expect(abs(Double(out[i * rows + j]) - sum) <= 1e-5 * size)
      }
    }
  }

  /// Parts of one matrix may be of different forms, as in files of mixed types.
  @Test func partsOfDifferentFormsShareAMatrix() {
    let (m, depth) = (9, 64)
    let parts = [
      codes(20, depth, bits: 4, zero: 8, hasMinimums: false, seed: 1),
      codes(5, depth, bits: 8, zero: 128, hasMinimums: false, seed: 2),
      codes(23, depth, bits: 4, zero: 0, hasMinimums: true, seed: 3),
    ]
    let x = random(m * depth, seed: 8)
    let input = Int8Rows(capacity: m, depth: depth)
    input.fill(x.base, rows: m)
    let rows = parts.reduce(0) { $0 + $1.rows }
    let out = FloatBuffer(count: m * rows)
    Int8Matrix(parts).multiply(out.base, input, m: m)
    var first = 0
    for part in parts {
      let alone = FloatBuffer(count: m * part.rows)
      Int8Matrix([part]).multiply(alone.base, input, m: m)
      for i in 0..<m {
        for j in 0..<part.rows {
          let (mixed, own) = (out[i * rows + first + j], alone[i * part.rows + j])
          // A zero that became a minimum adds a few roundings of sums up to 128 times as large.
          #expect(abs(mixed - own) <= 2e-3 * max(1, abs(own)))
        }
      }
      first += part.rows
    }
  }

  @Test func aRowDependsOnItselfAlone() {
    let (m, depth, rows) = (50, 96, 48)
    let matrix = Int8Matrix([codes(rows, depth, bits: 4, zero: 0, hasMinimums: true, seed: 4)])
    let x = random(m * depth, seed: 9)
    let input = Int8Rows(capacity: m, depth: depth)
    input.fill(x.base, rows: m)
    let whole = FloatBuffer(count: m * rows)
    matrix.multiply(whole.base, input, m: m)
    for row in [0, 1, 13, 14, 49] {
      input.fill(x.base + row * depth, rows: 1)
      let one = FloatBuffer(count: rows)
      ThreadTeam.shared.limited(to: 1) { matrix.multiply(one.base, input, m: 1) }
      #expect(one.array() == Array(whole.array()[row * rows..<(row + 1) * rows]))
    }
  }

  /// What is not a number does not turn into zero.
  @Test func whatIsNotANumberStaysSo() {
    let matrix = Int8Matrix([codes(16, 64, bits: 8, zero: 128, hasMinimums: false, seed: 5)])
    let x = random(2 * 64, seed: 14)
    (x[3], x[64 + 40]) = (.nan, .infinity)
    let input = Int8Rows(capacity: 2, depth: 64)
    input.fill(x.base, rows: 2)
    let out = FloatBuffer(count: 2 * 16)
    matrix.multiply(out.base, input, m: 2)
    for value in out.array() { #expect(!value.isFinite) }
  }

  /// The largest of a group keeps its value but for a rounding, and no error passes half a step.
  @Test func roundingAWeightIsCloseToIt() {
    let (rows, columns) = (5, 70)
    let weight = random(rows * columns, seed: 10)
    let part = GroupedCodes(rounding: weight.base, rows: rows, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let step = Double(part.scales[row * 3 + column / 32])
        let error = value(part, row, column) - Double(weight[row * columns + column])
        #expect(abs(error) <= 0.501 * step)
      }
    }
  }

  /// Codes at the ends of their range, where `vpmaddubsw` would saturate.
  @Test func levelsAgreeToTheLastBit() {
    // More rows than codes of 4 bits are unpacked for, more groups than a block of depth has.
    let (m, groups, columns) = (13, 37, 41)
    let panels = (columns + 15) / 16
    var generator = SeededGenerator(seed: 11)
    let x = FloatBuffer((0..<m * groups * 32).map { $0 % 3 == 0 ? 1 : generator.normal() })
    let scales = random(panels * groups * 16, seed: 12)
    let minimums = random(panels * groups * 16, seed: 13)
    for (bits, hasMinimums, terms) in [(4, false, 1), (4, true, 2), (8, false, 2), (8, true, 1)] {
      let codes = (0..<panels * groups * bits * 64).map {
        $0 % 5 == 0 ? UInt8(255) : UInt8(generator.next() % 256)
      }
      let results = KernelTests.levels.map { level -> [UInt32] in
        guard let table = denju_int8_kernels_for(level)?.pointee else { return [] }
        var left = [Int8](repeating: 0, count: m * groups * terms * 32)
        var sums = [Int32](repeating: 0, count: m * groups)
        let steps = FloatBuffer(count: m * groups)
        let out = FloatBuffer(count: m * columns)
        table.quantize(m, groups * 32, Int32(terms), x.base, &left, steps.base, &sums)
        let totals = FloatBuffer((0..<m * groups).map { steps[$0] * Float(sums[$0]) })
        left.withUnsafeBufferPointer { left in
          sums.withUnsafeBufferPointer { sums in
            codes.withUnsafeBufferPointer { codes in
              table.multiply_block(
                0, m, 0, columns, groups,
                denju_int8_rows(
                  terms: Int32(terms), codes: left.baseAddress, scales: steps.base,
                  sums: sums.baseAddress,
                  totals: totals.base),
                denju_int8_weights(
                  codes: codes.baseAddress, bits: Int32(bits), zero: 128, scales: scales.base,
                  minimums: hasMinimums ? minimums.base : nil),
                out.base, columns, nil)
            }
          }
        }
        return out.bits + steps.bits
          + sums.map { UInt32(bitPattern: $0) }
      }
      for result in results { #expect(result == results[0]) }
    }
  }
}
