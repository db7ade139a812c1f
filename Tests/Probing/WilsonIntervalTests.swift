import Probing
import Testing

@Suite struct WilsonIntervalTests {
  /// SciPy's `binomtest(right, count).proportion_ci(method="wilson")`.
  @Test(arguments: [
    (0, 10, 0.0, 0.27753279986288926), (10, 10, 0.7224672001371109, 1.0),
    (7, 10, 0.39677814746114526, 0.892208732593699),
    (911, 1000, 0.8917426484378811, 0.9271117560869925),
    (1, 2, 0.09453120573423074, 0.9054687942657693),
  ])
  func `the interval is SciPy's`(right: Int, count: Int, lower: Double, upper: Double) {
    let found = WilsonInterval(right: right, of: count)
    #expect(abs(found.lower - lower) < 1e-12 && abs(found.upper - upper) < 1e-12)
  }

  @Test func `of no rows everything is possible`() {
    let found = WilsonInterval(right: 0, of: 0)
    #expect(found.lower == 0 && found.upper == 1)
  }
}
