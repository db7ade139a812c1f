import Numerics
import Probing
import Testing

/// What goes into a read-out, by hand.
@Suite struct FeatureTests {
  @Test func `the mean and the last state`() throws {
    let states = FloatBuffer([1, 2, 3, 4, 8, 0])
    let rows = Rows(states, width: 2)
    for (name, expected) in [("mean", [4, 2] as [Float]), ("last", [8, 0])] {
      let feature = try #require(ProbeFeature.all.first { $0.name == name })
      let out = FloatBuffer(count: 2)
      try #require(feature.pools.first).reduce(rows, out.base)
      #expect(out.array() == expected, "\(name)")
    }
    #expect(ProbeFeature.all.map(\.pools.count) == [1, 1, 2])
  }

  @Test func `features by name`() throws {
    #expect(try ProbeFeature.named("last,mean,last").map(\.name) == ["last", "mean"])
    #expect(throws: ProbingError.self) { try ProbeFeature.named("mean,median") }
    #expect(throws: ProbingError.self) { try ProbeFeature.named("") }
  }

  @Test func `columns have a mean of 0 and a deviation of 1, by the rows they are taken from`() {
    let known = FloatBuffer([1, 7, 3, 7, 5, 7, 7, 7])
    let other = FloatBuffer([9, 8])
    let (rows, others) = (Rows(known, width: 2), Rows(other, width: 2))
    let standard = Standardization(rows, scales: true)
    standard.apply(rows)
    standard.apply(others)
    // The first column: mean 4, deviation √5. The second never changes.
    let expected: [Float] = [-3, 0, -1, 0, 1, 0, 3, 0].enumerated().map {
      $0.offset.isMultiple(of: 2) ? $0.element / Float(5).squareRoot() : $0.element
    }
    #expect(zip(known.array(), expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(abs(other[0] - 5 / Float(5).squareRoot()) < 1e-6 && other[1] == 1)
  }

  @Test func `a bag counts the training prompts' tokens`() {
    let bag = BagOfTokens([[5, 3, 5], [9]])
    #expect(bag.width == 3)
    let out = FloatBuffer(count: 6)
    bag.write([[5, 3, 5, 4], [9, 9]], to: Rows(out, width: 3))
    #expect(out.array() == [1, 2, 0, 0, 0, 2], "columns by token; the unknown 4 has none")
  }

  @Test func `a bag of too many tokens keeps the commonest`() {
    let rare = (0..<Int32(BagOfTokens.mostColumns)).map { [$0 + 100] }
    let bag = BagOfTokens(rare + [[7], [7]])
    let out = FloatBuffer(count: bag.width)
    bag.write([[7]], to: Rows(out, width: bag.width))
    #expect(bag.width == BagOfTokens.mostColumns && out[0] == 1)
  }

  @Test func `folds hold every row once, in an order that the seed decides`() {
    let folds = CrossValidation(23, seed: 4)
    #expect(folds.order.sorted() == Array(0..<23) && folds.order != Array(0..<23))
    #expect(folds.held.flatMap(Array.init) == Array(0..<23))
    #expect(folds.held.allSatisfy { (4...5).contains($0.count) })
    for (fold, held) in folds.held.enumerated() {
      #expect((folds.fitted(fold).flatMap { folds.held[$0] } + held).sorted() == Array(0..<23))
    }
    #expect(CrossValidation(23, seed: 4).order == folds.order)
    #expect(CrossValidation(23, seed: 5).order != folds.order)
  }
}
