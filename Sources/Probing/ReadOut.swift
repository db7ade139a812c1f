import Numerics

/// A linear read-out: fitted on training rows, its strength chosen by cross-validation among them alone,
/// and then asked about the scored rows.
struct ReadOut {
  /// The strongest penalty whose accuracy on held-out training rows is within a standard error of the best.
  let strength: Double
  let crossValidated: Double
  /// The classes that it answers for the scored rows.
  let answers: [Int32]

  /// From the strongest penalty to the weakest.
  private static let strengths = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3]
  /// How far above its minimum an objective may be left: while strengths are compared, and in the end.
  private static let tolerance = (comparing: 3e-3, final: 1e-4)

  /// - Parameters:
  ///   - training: features of the training rows, in the order of `folds`; standardized in place. So are
  ///     those of the scored rows, by the training rows'.
  ///   - answers: the classes of the training rows, in that order.
  ///   - scales: whether columns are brought to one deviation.
  init(
    training: Rows, scored: Rows, answers: [Int32], classes: Int, folds: CrossValidation,
    scales: Bool
  ) {
    let standard = Standardization(training, scales: scales)
    standard.apply(training)
    standard.apply(scored)
    let axes = PrincipalAxes(training)
    guard axes.count > 0 else {
      // The features are the same in every row: there is nothing to be read but the commonest answer.
      let counts = Dictionary(grouping: answers, by: \.self).mapValues(\.count)
      let commonest = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
      strength = Self.strengths[0]
      crossValidated = Double(commonest?.value ?? 0) / Double(max(answers.count, 1))
      self.answers = Array(repeating: commonest?.key ?? 0, count: scored.count)
      return
    }
    let known = FloatBuffer(count: training.count * axes.count)
    let asked = FloatBuffer(count: scored.count * axes.count)
    let rows = Rows(known.base, count: training.count, width: axes.count)
    let others = Rows(asked.base, count: scored.count, width: axes.count)
    axes.coordinates(rows, of: training)
    axes.coordinates(others, of: scored)
    let regression = SoftmaxRegression(
      rows, blocks: folds.held, squares: axes.squares, answers: answers, classes: classes)
    let choice = Self.choice(regression, rows, answers, folds)
    strength = choice.strength
    crossValidated = Double(choice.right) / Double(rows.count)
    let fit = regression.fit(
      Array(folds.held.indices), strength: choice.strength, from: choice.fit,
      tolerance: Self.tolerance.final)
    self.answers = regression.answers(fit.parameters, others)
  }

  /// A strength that was tried.
  private struct Trial {
    let strength: Double
    /// Held-out rows that were answered right, of `count`.
    let right: Int
    let count: Int
    /// The first fold's, from which the fit on all rows is not far.
    let fit: SoftmaxRegression.Fit

    /// The standard error of `right`.
    var error: Double { (Double(right) * Double(count - right) / Double(count)).squareRoot() }

    /// Whether more rows are right than another's, by more than that one's standard error.
    func beats(_ other: Trial) -> Bool { Double(right) > Double(other.right) + other.error }
  }

  /// The strongest penalty within a standard error of the best (Breiman et al., "Classification and Regression
  /// Trees", 1984, section 3.4.3): what is nearly as good beyond it is so by chance.
  private static func choice(
    _ regression: borrowing SoftmaxRegression, _ rows: Rows, _ answers: [Int32],
    _ folds: CrossValidation
  ) -> Trial {
    var fits = folds.held.indices.map { regression.start(folds.fitted($0)) }
    func trial(_ strength: Double?) -> Trial {
      var right = 0
      for (fold, held) in folds.held.enumerated() {
        if let strength {
          // From where the stronger penalty left off.
          fits[fold] = regression.fit(
            folds.fitted(fold), strength: strength, from: fits[fold],
            tolerance: tolerance.comparing)
        }
        right += zip(regression.answers(fits[fold].parameters, rows[held]), answers[held])
          .count { $0 == $1 }
      }
      return Trial(strength: strength ?? 0, right: right, count: rows.count, fit: fits[0])
    }
    // What the biases alone, the commonest answer, are worth.
    let blind = trial(nil)
    var leader = blind
    var trials: [Trial] = []
    for strength in strengths {
      let trial = trial(strength)
      trials.append(trial)
      if trial.beats(leader) {
        leader = trial
      } else if leader.strength > 0 {
        // Weaker penalties are slow to fit, and no better but by chance.
        break
      }
    }
    let best = trials.max { $0.right < $1.right } ?? blind
    return trials.first { Double($0.right) >= Double(best.right) - best.error } ?? blind
  }
}
