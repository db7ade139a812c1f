import Numerics
import Testing

@Suite struct PrincipalAxesTests {
  /// Columns of a Hadamard matrix, column j times j + 1: each is an axis of its own, with 64 (j + 1)² of squares.
  @Test func `columns that are orthogonal are the axes, the longest first`() {
    let (count, width) = (64, 5)
    let x = FloatBuffer(
      (0..<count * width).map { index in
        let (row, column) = (index / width, index % width)
        return Float(column + 1) * ((row & column).nonzeroBitCount.isMultiple(of: 2) ? 1 : -1)
      })
    let rows = Rows(x, width: width)
    let axes = PrincipalAxes(rows)
    #expect(axes.count == width)
    for (index, squares) in axes.squares.enumerated() {
      let column = Double(width - index)
      #expect(abs(squares - 64 * column * column) < 1e-3)
    }
    let out = FloatBuffer(count: count * width)
    axes.coordinates(Rows(out, width: width), of: rows)
    for row in 0..<count {
      for index in 0..<width {
        #expect(abs(abs(out[row * width + index]) - Float(width - index)) < 1e-5)
      }
    }
  }

  /// Turned rows keep their products, where there are more of them than columns and where there are fewer.
  @Test(arguments: [(40, 7), (7, 40), (12, 12)])
  func `products of rows are those of their coordinates`(count: Int, width: Int) {
    var generator = SeededGenerator(seed: 3)
    let x = FloatBuffer((0..<count * width).map { _ in generator.normal() })
    let axes = PrincipalAxes(Rows(x, width: width))
    #expect(axes.count == min(count, width))
    let out = FloatBuffer(count: count * axes.count)
    axes.coordinates(Rows(out, width: axes.count), of: Rows(x, width: width))
    for one in 0..<count {
      for other in 0..<count {
        let before = dot(width, x.base + one * width, x.base + other * width)
        let after = dot(axes.count, out.base + one * axes.count, out.base + other * axes.count)
        #expect(abs(before - after) < 1e-3)
      }
    }
  }

  @Test func `rows that depend on each other have fewer axes, and constant ones none`() {
    let x = FloatBuffer([1, 2, 2, 4, 3, 6, -1, -2])
    #expect(PrincipalAxes(Rows(x, width: 2)).count == 1)
    #expect(abs(PrincipalAxes(Rows(x, width: 2)).squares[0] - 75) < 1e-4, "15 · (1² + 2²)")
    let zeros = FloatBuffer(count: 6)
    #expect(PrincipalAxes(Rows(zeros, width: 2)).count == 0)
  }
}
