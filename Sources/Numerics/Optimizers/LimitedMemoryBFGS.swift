/// Minimizes a smooth convex function of many variables by L-BFGS (Nocedal and Wright, "Numerical Optimization",
/// 2nd edition, algorithm 7.4), in a metric that is given: a guess of the inverse curvature along each variable.
///
/// A step is halved until the function falls by a ten thousandth of what its slope says (Armijo's condition). All
/// sums run in one fixed order.
public struct LimitedMemoryBFGS: Sendable {
  /// How a minimization ended.
  public struct Outcome: Equatable, Sendable {
    public let value: Double
    /// Values and gradients that were asked for.
    public let evaluations: Int
  }

  private let metric: [Float]
  private let mostChanges: Int
  private let mostEvaluations: Int

  /// Of what the slope promises, the part that a step has to keep.
  private static let leastFall = 1e-4
  /// Shorter than this, a step is within the function's rounding.
  private static let leastStep: Float = 1e-6

  /// - Parameters:
  ///   - metric: a positive number a variable.
  ///   - memory: how many steps' changes of the gradient are kept.
  public init(metric: [Float], memory: Int = 6, mostEvaluations: Int = 300) {
    self.metric = metric
    mostChanges = memory
    self.mostEvaluations = mostEvaluations
  }

  /// Two successive points' difference and that of their gradients.
  fileprivate struct Change: Sendable {
    let step: [Float]
    let turn: [Float]
    /// 1 / their product.
    let scale: Float

    /// `nil` where the function did not curve upwards on the way.
    init?(step: [Float], turn: [Float]) {
      let product = dot(step.count, step, turn)
      guard product > 0, (1 / product).isFinite else { return nil }
      self.step = step
      self.turn = turn
      scale = 1 / product
    }
  }

  /// What a minimization has seen of a function's curvature, with which that of a function that curves
  /// alike begins where it would otherwise come after as many steps.
  public struct Memory: Sendable {
    fileprivate var changes: [Change] = []

    public init() {}

    /// The same steps, with what another function's gradient changes by on each.
    ///
    /// - Parameter turn: makes of a step and this function's change of gradient the other's.
    public func turned(_ turn: (_ step: [Float], _ turn: inout [Float]) -> Void) -> Memory {
      var memory = Memory()
      memory.changes = changes.compactMap { change in
        var other = change.turn
        turn(change.step, &other)
        return Change(step: change.step, turn: other)
      }
      return memory
    }
  }

  /// Moves `point` to where the function can fall no more than by about `tolerance` of its value.
  ///
  /// - Parameter function: gives the value at its first argument, and writes the gradient to its second.
  public func minimize(
    _ point: inout [Float], tolerance: Double,
    _ function: (_ point: [Float], _ gradient: inout [Float]) -> Double
  ) -> Outcome {
    var memory = Memory()
    return minimize(&point, &memory, tolerance: tolerance, function)
  }

  /// The same with a memory of another minimization, which is this one's in the end.
  public func minimize(
    _ point: inout [Float], _ memory: inout Memory, tolerance: Double,
    _ function: (_ point: [Float], _ gradient: inout [Float]) -> Double
  ) -> Outcome {
    precondition(point.count == metric.count, "a metric of \(metric.count) variables")
    let count = point.count
    var gradient = [Float](repeating: 0, count: count)
    var value = function(point, &gradient)
    var evaluations = 1
    var changes = memory.changes
    defer { memory.changes = changes }
    var (next, nextGradient) = (point, gradient)
    while evaluations < mostEvaluations, value.isFinite {
      // Half of gᵀ M g is how far a quadratic of this curvature would fall.
      guard weighted(gradient) / 2 > tolerance * abs(value) else { break }
      var direction = self.direction(gradient, changes)
      var slope = Double(dot(count, gradient, direction))
      if slope >= 0 {
        // Rounding has spoilt what was kept.
        changes = []
        direction = self.direction(gradient, changes)
        slope = Double(dot(count, gradient, direction))
      }
      var length: Float = 1
      var nextValue = Double.infinity
      while length > Self.leastStep {
        next = point
        axpy(count, length, direction, &next)
        nextValue = function(next, &nextGradient)
        evaluations += 1
        if nextValue <= value + Self.leastFall * Double(length) * slope { break }
        length /= 2
      }
      guard nextValue < value else { break }
      if let change = change(from: point, gradient, to: next, nextGradient) {
        changes = changes.suffix(mostChanges - 1) + [change]
      }
      swap(&point, &next)
      swap(&gradient, &nextGradient)
      value = nextValue
    }
    return Outcome(value: value, evaluations: evaluations)
  }

  /// gᵀ M g.
  private func weighted(_ gradient: [Float]) -> Double {
    var sum = 0.0
    for index in gradient.indices {
      sum += Double(metric[index]) * Double(gradient[index]) * Double(gradient[index])
    }
    return sum
  }

  private func change(
    from point: [Float], _ gradient: [Float], to next: [Float], _ nextGradient: [Float]
  ) -> Change? {
    let count = point.count
    var (step, turn) = (next, nextGradient)
    axpy(count, -1, point, &step)
    axpy(count, -1, gradient, &turn)
    return Change(step: step, turn: turn)
  }

  /// -H g, with the inverse Hessian H that the changes tell (the two-loop recursion).
  private func direction(_ gradient: [Float], _ changes: [Change]) -> [Float] {
    let count = gradient.count
    var direction = gradient
    var factors: [Float] = []
    for change in changes.reversed() {
      let factor = change.scale * dot(count, change.step, direction)
      axpy(count, -factor, change.turn, &direction)
      factors.append(factor)
    }
    let scale = changes.last.map { Float(1 / (Double($0.scale) * weighted($0.turn))) } ?? 1
    for index in 0..<count { direction[index] *= metric[index] * scale }
    for (change, factor) in zip(changes, factors.reversed()) {
      let back = change.scale * dot(count, change.turn, direction)
      axpy(count, factor - back, change.step, &direction)
    }
    for index in 0..<count { direction[index] = -direction[index] }
    return direction
  }
}
