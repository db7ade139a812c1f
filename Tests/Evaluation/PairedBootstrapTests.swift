import Evaluation
import Testing

@Suite struct PairedBootstrapTests {
  @Test func `equal scores have no width`() {
    let result = PairedBootstrap([0.25, 0.25, 0.25], seed: 1)
    #expect(result.mean == 0.25 && result.lower == 0.25 && result.upper == 0.25)
    let none = PairedBootstrap([], seed: 1)
    #expect(none.mean == 0 && none.lower == 0 && none.upper == 0)
  }

  @Test func `a seed decides it`() {
    let differences = (0..<100).map { Double($0 % 3) - 1 }
    #expect(PairedBootstrap(differences, seed: 4) == PairedBootstrap(differences, seed: 4))
  }

  /// For many documents the interval is the normal one, mean ± 1.96 standard errors.
  @Test func `the interval is that of the mean`() {
    let differences = (0..<900).map { $0 % 10 < 4 ? 1.0 : 0.0 }
    let result = PairedBootstrap(differences, seed: 5)
    let width = 1.96 * (0.4 * 0.6 / 900).squareRoot()
    #expect(abs(result.mean - 0.4) < 1e-12)
    // The bounds' own error with 10,000 resamples is about 2% of the width.
    #expect(abs(result.lower - (0.4 - width)) < 0.1 * width)
    #expect(abs(result.upper - (0.4 + width)) < 0.1 * width)
  }
}
