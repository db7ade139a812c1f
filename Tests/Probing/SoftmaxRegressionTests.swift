import Foundation
import Numerics
import Probing
import TestSupport
import Testing

/// The fit against scikit-learn's, which `make_vectors.py` made.
@Suite struct SoftmaxRegressionTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let width: Int
    let classes: Int
    let strength: Double
    let scales: Bool
    let training: [Float]
    let answers: [Int32]
    let others: [Float]
    /// [others, classes]
    let scores: [Float]
    let found: [Int32]
    var testDescription: String { name }
  }

  private struct File: Decodable {
    let cases: [Case]
  }

  static let cases: [Case] = {
    let bytes = (try? Checkout.bytes("Tests/Probing/Vectors/read-outs.json")) ?? []
    return (try? JSONDecoder().decode(File.self, from: Data(bytes)))?.cases ?? []
  }()

  @Test func `there are vectors of both shapes`() {
    #expect(Self.cases.contains { $0.width > $0.answers.count })
    #expect(Self.cases.contains { $0.width < $0.answers.count })
  }

  @Test(arguments: cases)
  func `scores and answers are scikit-learn's`(_ expected: Case) {
    expectScores(
      Self.scores(expected, blocks: [0..<expected.answers.count], fitted: [0]), of: expected)
  }

  /// As a cross-validation comes to a strength: in blocks, through stronger penalties, and from fewer rows.
  @Test(arguments: cases)
  func `they are, whatever fits came before`(_ expected: Case) {
    let count = expected.answers.count
    let blocks = (0..<5).map { $0 * count / 5..<($0 + 1) * count / 5 }
    let found = Self.scores(
      expected, blocks: blocks, fitted: Array(0..<5),
      before: [1e-3, 1e-2, 1e-1, 1].map { ([0, 1, 2, 3], $0 * expected.strength) })
    expectScores(found, of: expected)
  }

  private func expectScores(
    _ found: (scores: [Float], answers: [Int32]), of expected: Case
  ) {
    let width = expected.classes
    for row in 0..<expected.found.count {
      // What is added to all scores of a row is no difference: no penalty holds the biases' sum.
      let ours = Self.centred(found.scores[row * width..<(row + 1) * width])
      let theirs = Self.centred(expected.scores[row * width..<(row + 1) * width])
      // The objective is left within 1e-7 of its minimum, which is flat: a score is its square root's.
      for (one, other) in zip(ours, theirs) { #expect(abs(one - other) < 5e-3) }
    }
    #expect(found.answers == expected.found)
  }

  @Test func `rows of a held-out fold have no part in a fit`() throws {
    let expected = try #require(Self.cases.first)
    let count = expected.answers.count
    let held = count / 3..<count / 2
    let blocks = [0..<held.lowerBound, held, held.upperBound..<count]
    var answers = expected.answers
    let before = Self.scores(expected, blocks: blocks, fitted: [0, 2]).scores
    for row in held { answers[row] = (answers[row] + 1) % Int32(expected.classes) }
    func scores(_ fitted: [Int]) -> [Float] {
      Self.scores(expected, blocks: blocks, fitted: fitted, answers: answers).scores
    }
    #expect(scores([0, 2]) == before)
    #expect(
      scores([0, 1, 2]) != before,
      "those of fitted rows have")
  }

  private static func scores(
    _ expected: Case, blocks: [Range<Int>], fitted: [Int], answers: [Int32]? = nil,
    before: [(fitted: [Int], strength: Double)] = []
  ) -> (scores: [Float], answers: [Int32]) {
    let known = FloatBuffer(expected.training)
    let asked = FloatBuffer(expected.others)
    let training = Rows(known, width: expected.width)
    let others = Rows(asked, width: expected.width)
    let standard = Standardization(training, scales: expected.scales)
    standard.apply(training)
    standard.apply(others)
    let axes = PrincipalAxes(training)
    let turned = FloatBuffer(count: training.count * axes.count)
    let turnedOthers = FloatBuffer(count: others.count * axes.count)
    axes.coordinates(Rows(turned, width: axes.count), of: training)
    axes.coordinates(Rows(turnedOthers, width: axes.count), of: others)
    let rows = Rows(turned.base, count: training.count, width: axes.count)
    let otherRows = Rows(turnedOthers.base, count: others.count, width: axes.count)
    let regression = SoftmaxRegression(
      rows, blocks: blocks, squares: axes.squares, answers: answers ?? expected.answers,
      classes: expected.classes)
    var fit = regression.start(fitted)
    for (fitted, strength) in before {
      fit = regression.fit(fitted, strength: strength, from: fit, tolerance: 3e-3)
    }
    let parameters = regression.fit(
      fitted, strength: expected.strength, from: fit, tolerance: 1e-7
    ).parameters
    let scores = FloatBuffer(count: others.count * expected.classes)
    regression.score(Rows(scores, width: expected.classes), otherRows, parameters)
    return (scores.array(), regression.answers(parameters, otherRows))
  }

  private static func centred(_ scores: ArraySlice<Float>) -> [Float] {
    let mean = scores.reduce(0, +) / Float(scores.count)
    return scores.map { $0 - mean }
  }
}
