import Numerics
import Testing

@Suite struct PairedDifferenceTests {
  @Test func `documents that differ alike leave no error`() {
    let equal = PairedDifference([2, 4, 6], counts: [1, 2, 3])
    #expect(equal.mean == 2)
    #expect(equal.standardError == 0)
  }

  /// With one token a document it is the usual error of a mean, s / √n: here √2 / √2.
  @Test func `the error is over documents`() throws {
    let apart = PairedDifference([1, 3], counts: [1, 1])
    #expect(apart.mean == 2)
    #expect(abs(try #require(apart.standardError) - 1) < 1e-12)
    #expect(PairedDifference([1], counts: [4]).standardError == nil)
  }
}
