import Numerics

/// Which examples each step of a training learns from. It follows from their count and the options alone.
struct StepOrder {
  private let count: Int
  private let options: TrainingOptions

  init(count: Int, _ options: TrainingOptions) {
    self.count = count
    self.options = options
  }

  var stepsOfEpoch: Int { (count + options.batch - 1) / options.batch }

  /// The documents of an epoch in an order that follows from the seed and the epoch.
  func order(of epoch: Int) -> [Int] {
    var mixer = SplitMix64(state: options.seed &+ 0x5EED)
    let base = mixer.next()
    var generator = SeededGenerator(seed: base &+ UInt64(epoch))
    var order = Array(0..<count)
    generator.shuffle(&order)
    return order
  }

  /// The examples of a step within its epoch's order.
  func batch(_ place: Int, of order: [Int]) -> ArraySlice<Int> {
    order[(place * options.batch)..<min((place + 1) * options.batch, order.count)]
  }

  /// A step's examples in `accumulate` parts of about one size.
  func parts(_ indices: ArraySlice<Int>) -> [ArraySlice<Int>] {
    let size = (indices.count + options.accumulate - 1) / options.accumulate
    return stride(from: indices.startIndex, to: indices.endIndex, by: max(size, 1)).map {
      indices[$0..<min($0 + size, indices.endIndex)]
    }
  }
}
