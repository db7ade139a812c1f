import Dispatch
import Generators

/// Reads the states of a step's documents while the step before is computed.
// Sendable: `set` and `next` are touched on `line` alone, which is serial; the cache below is read by nothing
// else meanwhile, since all reading of a training run goes through here.
final class BatchReader: @unchecked Sendable {
  private let line = DispatchQueue(label: "denju.batches")
  private let set: TrainingSet
  private var ahead: (indices: [Int], documents: Result<[GeneratorDocument], any Error>)?

  init(_ set: TrainingSet) { self.set = set }

  /// The documents of some examples, with their states; then begins to read those of `next`.
  func documents(
    _ indices: ArraySlice<Int>, next: ArraySlice<Int>?
  ) throws -> [GeneratorDocument] {
    let asked = Array(indices)
    let documents = try line.sync { () -> [GeneratorDocument] in
      if let ahead, ahead.indices == asked {
        self.ahead = nil
        return try ahead.documents.get()
      }
      return try set.documents(asked)
    }
    if let next {
      let coming = Array(next)
      line.async { [self] in
        ahead = (coming, Result { try set.documents(coming) })
      }
    }
    return documents
  }

  /// Runs what reads from the same cache, while nothing is read ahead.
  func paused<Value>(_ body: () throws -> Value) rethrows -> Value {
    try line.sync(execute: body)
  }
}
