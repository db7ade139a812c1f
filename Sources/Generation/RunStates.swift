import Tokenization

/// The states of all streams that a run reads: those that are cached from the cache, and the others from their
/// sources, each of which is opened once and runs once over a prompt, whatever layers of it are read.
///
/// For one thread.
public final class RunStates: StateProviding {
  /// A stream each, in the order of the run's.
  public let streams: [StateProvider]
  /// Places of streams that are not read.
  private let leftOut: Set<Int>

  /// - Precondition: there is a stream, and not all are left out.
  package init(_ streams: [StateProvider], leftOut: Set<Int>) {
    self.streams = streams
    self.leftOut = leftOut
  }

  /// Those that are read.
  var read: [StateProvider] {
    streams.enumerated().filter { !leftOut.contains($0.offset) }.map(\.element)
  }

  public func states(
    _ prompts: [PromptFormat.Encoded]
  ) throws -> (values: [[Float]], origin: StatesOrigin) {
    var values = streams.map { _ in [Float]() }
    /// Streams that are not cached, by their source and by the prompt's tokens in it.
    var missing: [Missing: [Int]] = [:]
    var order: [Missing] = []
    for (place, stream) in streams.enumerated() where !leftOut.contains(place) {
      if let cached = try stream.cached(prompts[place]) {
        values[place] = cached
      } else {
        let pass = Missing(source: ObjectIdentifier(stream.opener), ids: prompts[place].ids)
        if missing[pass] == nil { order.append(pass) }
        missing[pass, default: []].append(place)
      }
    }
    for pass in order {
      let places = missing[pass] ?? []
      let computed = try StateProvider.computed(places.map { streams[$0] }, prompts[places[0]])
      for (place, states) in zip(places, computed) { values[place] = states }
    }
    return (values, missing.isEmpty ? .reused : .recomputed)
  }

  /// A pass of a source.
  private struct Missing: Hashable {
    let source: ObjectIdentifier
    let ids: [Int32]
  }

  // A source that steps with every token is the only stream.

  public func mostSteps() throws -> Int { try streams[0].mostSteps() }

  public func makeStepper(capacity: Int) throws -> any StateStepper {
    try streams[0].makeStepper(capacity: capacity)
  }

  public func step(
    _ pieces: [(stepper: any StateStepper, ids: [Int32])]
  ) throws -> [[[Float]]] {
    try streams[0].step(pieces).map { [$0] }
  }
}
