import ModelFiles
import Numerics
import Synchronization

/// The output layer, [vocabulary, width]: the token table where the model ties them, else a weight
/// of its own. It is read when logits are first asked for: many sources are only asked for states.
final class OutputHead: Sendable {
  private let vocabularySize: Int
  private let width: Int
  private let reader: WeightReader
  private let name: String
  private let loaded = Mutex<Weight?>(nil)

  private final class Weight: Sendable {
    let matrix: ProductMatrix
    init(_ matrix: consuming ProductMatrix) { self.matrix = matrix }
  }

  /// Throws when the weight is absent or contradicts the configuration; reads nothing yet.
  init(_ reader: WeightReader, _ sizes: TransformerConfiguration) throws(ModelFileError) {
    self.reader = reader
    vocabularySize = sizes.vocabularySize
    width = sizes.hiddenSize
    name = try reader.catalogue.outputHead(for: sizes)
    // Reading what is absent or of another shape throws what is wrong with it.
    if reader.catalogue[name]?.shape != [vocabularySize, width] { _ = try read() }
  }

  /// out[count, vocabulary] = states[count, width] · Wᵀ
  func multiply(
    _ out: UnsafeMutablePointer<Float>, _ states: UnsafePointer<Float>, count: Int
  ) throws(ModelFileError) {
    guard count > 0 else { return }
    let weight = try weight()
    let input = ProductInput(reader.precision, capacity: count, depth: width)
    input.fill(states, rows: count)
    weight.matrix.multiply(out, input, m: count)
  }

  private func read() throws(ModelFileError) -> ProductMatrix {
    try reader.matrix([(name, vocabularySize)], columns: width)
  }

  private func weight() throws(ModelFileError) -> Weight {
    try loaded.withLock { weight throws(ModelFileError) in
      if let weight { return weight }
      let new = Weight(try read())
      weight = new
      return new
    }
  }
}
