import CKernels
import Numerics
import TestSupport
import Testing

/// The transform codec's inner loops against plain code in float64, on every instruction set.
@Suite struct CoefficientRoundingTests {
  private static let levels = [DENJU_PORTABLE, DENJU_AVX2, DENJU_AVX512]
  private static let magnitudes = CoefficientRounding.magnitudes

  private func kernels(_ level: denju_level) throws -> denju_rounding_kernels {
    try #require(denju_rounding_kernels_for(level)).pointee
  }

  private func probabilities(_ count: Int, seed: UInt64, sharpness: Float) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    var p = (0..<count).map { _ in sharpness * generator.normal() }
    softmax(count, &p)
    return p
  }

  @Test(arguments: [Float(0), 0.5, 3, 12])
  func theLikeliestAreThoseOfASort(sharpness: Float) throws {
    // With no sharpness all are equal: the first are taken.
    for count in [5, 32, 33, 1000] {
      let p = probabilities(count, seed: 3, sharpness: sharpness)
      let least: Float = 1e-4
      let expected = p.indices.filter { p[$0] >= least }
        .sorted { (p[$1], $0) < (p[$0], $1) }.prefix(Int(DENJU_LIKELY))
      for level in Self.levels {
        var places = [Int32](repeating: -1, count: Int(DENJU_LIKELY))
        let found = try kernels(level).likeliest(count, p, least, &places)
        #expect(places.prefix(found).map(Int.init) == Array(expected))
      }
    }
  }

  @Test(arguments: [1, 5, 16, 17, 32])
  func theMetricIsTheSoftmaxFisherMatrix(count: Int) throws {
    let (width, rowCount) = (48, 90)
    var generator = SeededGenerator(seed: 4)
    let codes = (0..<rowCount * width).map { _ in Int8.random(in: -127...127, using: &generator) }
    let scales = (0..<rowCount).map { 0.01 + 0.0001 * Float($0) }
    let rows = codes.indices.map { Float(codes[$0]) * scales[$0 / width] }
    let p = probabilities(rowCount, seed: 5, sharpness: 2)
    let places = (0..<count).map { Int32(($0 * 37) % rowCount) }
    let (lanes, together, token) = (Int(DENJU_LIKELY), Int(DENJU_TOGETHER), 3)
    let total = places.reduce(0.0) { $0 + Double(p[Int($1)]) }
    var expected = [Double](repeating: 0, count: width * width)
    let mean = (0..<width).map { i in
      places.reduce(0.0) { $0 + Double(p[Int($1)]) * Double(rows[Int($1) * width + i]) } / total
    }
    for place in places.map(Int.init) {
      for i in 0..<width {
        for k in 0..<width {
          expected[i * width + k] +=
            Double(p[place]) * (Double(rows[place * width + i]) - mean[i])
            * (Double(rows[place * width + k]) - mean[k])
        }
      }
    }
    var bits: [[UInt32]] = []
    for level in Self.levels {
      var tiles = [Float](repeating: .nan, count: width * lanes * together)
      var diagonal = [Float](repeating: .nan, count: width)
      let metric = try kernels(level).metric
      tiles.withUnsafeMutableBufferPointer {
        metric?(width, count, places, p, codes, scales, $0.baseAddress! + 16 * token, &diagonal)
      }
      let a = (0..<width * lanes).map { index in
        let (i, lane) = (index / lanes, index % lanes)
        return tiles[((i / 16 * lanes + lane) * together + token) * 16 + i % 16]
      }
      for i in 0..<width {
        #expect(abs(Double(diagonal[i]) - expected[i * width + i]) < 1e-4)
        for k in 0..<width {
          let product = (0..<lanes).reduce(0.0) {
            $0 + Double(a[i * lanes + $1]) * Double(a[k * lanes + $1])
          }
          #expect(abs(product - expected[i * width + k]) < 1e-4)
        }
      }
      bits.append((a + diagonal).bits)
    }
    #expect(bits.allSatisfy { $0 == bits[0] }, "all instruction sets give the same bits")
  }

  /// A rounding problem with tables of two kinds, some coefficients far beyond them.
  private struct Problem {
    let width: Int
    let lanes: Int
    let a: [Float]
    let diagonal: [Float]
    let weights: [Float]
    let prices: [Float]
    let values: [Float]
    let tables: [UInt8]
    let y: [Float]
    let step: Float = 0.5
    let rest: Float = 0.7
    let byte: Float = 0.02

    init(width: Int, lanes: Int, seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      self.width = width
      self.lanes = lanes
      a = (0..<width * lanes).map { _ in 0.3 * generator.normal() }
      diagonal = (0..<width).map { [a] i in
        (0..<lanes).reduce(0) { $0 + a[i * lanes + $1] * a[i * lanes + $1] }
      }
      // The same for all problems of a width: they can be rounded together.
      var shared = SeededGenerator(seed: 8)
      weights = (0..<width).map { _ in 0.2 + abs(shared.normal()) }
      tables = (0..<width).map { UInt8($0 % 2) }
      prices = (0..<2 * magnitudes).map { 0.004 * Float($0 % magnitudes + 1) }
      values = (0..<2 * magnitudes).map { index in
        let magnitude = index % magnitudes
        return magnitude == 0 ? 0 : Float(magnitude) - (index < magnitudes ? 0.1 : 0)
      }
      y = (0..<width).map { (index: Int) -> Float in
        (index % 9 == 0 ? 40 : index % 5 == 0 ? 3 : 0.7) * generator.normal()
      }
    }

    func decoded(_ q: Int32, _ i: Int) -> Double {
      let row = Int(tables[i]) * magnitudes
      let magnitude = Int(abs(q))
      let value =
        magnitude < magnitudes
        ? Double(values[row + magnitude])
        : Double(magnitude - (magnitudes - 1)) + Double(values[row + magnitudes - 1])
      return Double(step) * (q < 0 ? -value : value)
    }

    func price(_ q: Int32, _ i: Int) -> Double {
      let row = Int(tables[i]) * magnitudes
      let magnitude = Int(abs(q))
      if magnitude < magnitudes - 1 { return Double(prices[row + magnitude]) }
      let bytes = magnitude < 64 ? 1.0 : magnitude < 8192 ? 2 : 3
      return Double(prices[row + magnitudes - 1]) + Double(byte) * bytes
    }

    /// 1/2 |A e|² + 1/2 rest Σ weights e² + prices
    func cost(_ q: [Int32]) -> Double {
      let e = (0..<width).map { decoded(q[$0], $0) - Double(y[$0]) }
      var cost = 0.0
      for lane in 0..<lanes {
        let sum = (0..<width).reduce(0.0) { $0 + Double(a[$1 * lanes + lane]) * e[$1] }
        cost += 0.5 * sum * sum
      }
      for i in 0..<width {
        cost += 0.5 * Double(rest) * Double(weights[i]) * e[i] * e[i] + price(q[i], i)
      }
      return cost
    }

    func round(_ level: denju_level, passes: Int32) throws -> [Int32] {
      try Self.round([self], level, passes: passes)[0]
    }

    /// In groups, for problems of one width.
    static func round(
      _ problems: [Problem], _ level: denju_level, passes: Int32
    ) throws -> [[Int32]] {
      let together = Int(DENJU_TOGETHER)
      return try stride(from: 0, to: problems.count, by: together).flatMap { first in
        try roundGroup(
          Array(problems[first..<min(first + together, problems.count)]), level, passes: passes)
      }
    }

    private static func roundGroup(
      _ problems: [Problem], _ level: denju_level, passes: Int32
    ) throws -> [[Int32]] {
      let kernels = try #require(denju_rounding_kernels_for(level)).pointee
      let common = problems[0]
      let (width, rows, together) = (common.width, Int(DENJU_LIKELY), Int(DENJU_TOGETHER))
      let codes = Int(DENJU_CODES)
      let last = magnitudes - 1
      let entries = (0..<2 * codes).map { index -> denju_entry in
        let code = index % codes - codes / 2
        let place = index / codes * magnitudes + min(abs(code), last)
        return (code < 0 ? -common.values[place] : common.values[place], common.prices[place])
      }
      let begins = common.tables.map { Int32($0) * DENJU_CODES }
      let zeros = common.tables.map { common.prices[Int($0) * magnitudes] }
      let tiles = FloatBuffer(count: (width + 15) / 16 * rows * together * 16)
      for (index, problem) in problems.enumerated() {
        for i in 0..<width {
          for lane in 0..<problem.lanes {
            tiles[((i / 16 * rows + lane) * together + index) * 16 + i % 16] =
              problem.a[i * problem.lanes + lane]
          }
        }
      }
      let floats = FloatBuffer(problems.flatMap { $0.diagonal + $0.y })
      var q = [Int32](repeating: 77, count: problems.count * width)
      let weights = FloatBuffer(common.weights)
      q.withUnsafeMutableBufferPointer { q in
        begins.withUnsafeBufferPointer { begins in
          zeros.withUnsafeBufferPointer { zeros in
            let coefficients = problems.indices.map { index in
              let diagonal = floats.base + 2 * index * width
              return denju_coefficients(
                likely: problems[index].lanes, diagonal: diagonal, rest: problems[index].rest,
                step: problems[index].step, rows: begins.baseAddress, zeros: zeros.baseAddress,
                y: diagonal + width, q: q.baseAddress! + index * width)
            }
            entries.withUnsafeBufferPointer { entries in
              coefficients.withUnsafeBufferPointer { tokens in
                var rounding = denju_rounding(
                  width: width, weights: weights.base, entries: entries.baseAddress,
                  byte: common.byte)
                var group = denju_group(
                  count: tokens.count, tokens: tokens.baseAddress, a: tiles.base)
                kernels.round(&rounding, &group, passes)
              }
            }
          }
        }
      }
      return problems.indices.map { Array(q[$0 * width..<($0 + 1) * width]) }
    }
  }

  private static let lanes = [0, 5, Int(DENJU_LIKELY)]

  @Test(arguments: lanes)
  func noSingleChangeIsBetter(lanes: Int) throws {
    let problem = Problem(width: 72, lanes: lanes, seed: 9)
    let first = try problem.round(DENJU_AVX512, passes: 1)
    let last = try problem.round(DENJU_AVX512, passes: 100)
    let nearest = (0..<problem.width).map {
      Int32((problem.y[$0] / problem.step).rounded())
    }
    #expect(problem.cost(first) < problem.cost(nearest))
    #expect(problem.cost(last) <= problem.cost(first))
    if lanes > 0 { #expect(problem.cost(last) < 0.95 * problem.cost(nearest)) }
    let cost = problem.cost(last)
    for i in 0..<problem.width {
      for other in [last[i] - 1, last[i] + 1, 0] {
        var changed = last
        changed[i] = other
        #expect(problem.cost(changed) > cost - 1e-3 * cost)
      }
    }
  }

  @Test(arguments: lanes)
  func allInstructionSetsRoundAlike(lanes: Int) throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let problem = Problem(width: 80, lanes: lanes, seed: seed)
      let q = try Self.levels.map { try problem.round($0, passes: 3) }
      #expect(q.allSatisfy { $0 == q[0] })
    }
  }

  @Test func whatAStateGetsDependsOnNoOther() throws {
    let problems = (1...23).map { Problem(width: 72, lanes: [32, 0, 9][Int($0 % 3)], seed: $0) }
    for level in Self.levels {
      let alone = try problems.map { try $0.round(level, passes: 2) }
      #expect(try Problem.round(problems, level, passes: 2) == alone)
    }
  }
}
