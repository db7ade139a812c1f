import ModelFiles
import Numerics
import Synchronization

/// The output layer, [vocabulary, width]: the token table where the model ties them, else a weight
/// of its own, which is read when logits are first asked for. Many sources are only asked for
/// states.
final class OutputHead: Sendable {
  private let tied: Bool
  private let vocabularySize: Int
  private let width: Int
  private let catalogue: TensorCatalogue
  private let name: String
  private let loaded = Mutex<Weight?>(nil)

  private final class Weight: Sendable {
    let matrix: PackedMatrix
    init(_ matrix: consuming PackedMatrix) { self.matrix = matrix }
  }

  /// Throws when the weight is absent or contradicts the configuration; reads nothing yet.
  init(_ catalogue: TensorCatalogue, _ sizes: TransformerConfiguration) throws(ModelFileError) {
    self.catalogue = catalogue
    tied = sizes.tiedEmbeddings
    vocabularySize = sizes.vocabularySize
    width = sizes.hiddenSize
    name = try catalogue.outputHead(for: sizes)
    // Reading what is absent or of another shape throws what is wrong with it.
    if catalogue[name]?.shape != [vocabularySize, width] { _ = try read() }
  }

  /// out[count, vocabulary] = states[count, width] · Wᵀ
  func multiply(
    _ out: UnsafeMutablePointer<Float>, _ states: UnsafePointer<Float>, count: Int,
    tokens: borrowing PackedMatrix
  ) throws(ModelFileError) {
    if tied {
      tokens.multiply(out, states, m: count)
    } else {
      try weight().matrix.multiply(out, states, m: count)
    }
  }

  private func read() throws(ModelFileError) -> PackedMatrix {
    try WeightReader(catalogue: catalogue).matrix([(name, vocabularySize)], columns: width)
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
