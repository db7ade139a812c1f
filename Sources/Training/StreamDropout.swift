import Generators
import Numerics

/// Leaves streams out of some documents of a training, so that a generator learns to do without one. What is left
/// out is a function of the seed, the step and the document alone.
struct StreamDropout {
  /// The share of documents that a stream is left out of.
  let rate: Double
  let seed: UInt64

  /// Takes states away from documents, which are those examples of the set at a step.
  func apply(to documents: inout [GeneratorDocument], _ indices: some Collection<Int>, step: Int) {
    guard rate > 0 else { return }
    for (place, index) in zip(documents.indices, indices) {
      let present = documents[place].states.indices.filter { !documents[place].states[$0].isEmpty }
      guard present.count > 1 else { continue }
      var mixer = SplitMix64(
        state: seed ^ (UInt64(step) &* 0x9E37_79B9_7F4A_7C15)
          ^ (UInt64(index) &* 0xBF58_476D_1CE4_E5B9))
      var generator = SeededGenerator(seed: mixer.next())
      let kept = present.filter { _ in Double(generator.uniform()) >= rate }
      // Where all would go, one of them stays.
      let stays = kept.isEmpty ? [present[Int(generator.next() % UInt64(present.count))]] : kept
      for stream in present where !stays.contains(stream) { documents[place].states[stream] = [] }
    }
  }
}
