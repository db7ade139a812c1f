import Architectures
import ModelFiles
import Numerics
import Synchronization

/// The output layer, [vocabulary, width]: the token table where the model ties them, else a weight
/// of its own. It is read when logits are first asked for: many sources are only asked for states.
final class OutputLayer: Sendable {
  private let architecture: any Architecture
  private let reader: WeightReader
  private let loaded = Mutex<Weight?>(nil)

  private final class Weight: Sendable {
    let matrix: ProductMatrix
    init(_ matrix: consuming ProductMatrix) { self.matrix = matrix }
  }

  init(_ reader: WeightReader, _ architecture: any Architecture) {
    self.reader = reader
    self.architecture = architecture
  }

  /// Throws when the weight is absent or contradicts the configuration; reads nothing else.
  func check() throws(ModelFileError) {
    let part = reader.places[try name()]
    let shape = part.storedShape([architecture.vocabularySize, architecture.width])
    // Reading what is absent or of another shape throws what is wrong with it.
    if reader.places.catalogue[part.tensor]?.shape != shape { _ = try read() }
  }

  /// out[count, vocabulary] = states[count, width] · Wᵀ
  func multiply(
    _ out: UnsafeMutablePointer<Float>, _ states: UnsafePointer<Float>, count: Int
  ) throws(ModelFileError) {
    guard count > 0 else { return }
    let weight = try weight()
    let input = ProductInput(reader.precision, capacity: count, depth: architecture.width)
    input.fill(states, rows: count)
    weight.matrix.multiply(out, input, m: count)
    if let cap = architecture.outputHead?.softCap {
      SoftCap(cap).forward(Rows(out, count: count, width: architecture.vocabularySize))
    }
  }

  /// The tensor's name. A copy beside the embedding that is said to be tied to it must be equal to it.
  private func name() throws(ModelFileError) -> String {
    guard let head = architecture.outputHead else {
      throw .missing(
        file: reader.places.catalogue.path, item: "an output layer",
        advice: "ask for states alone, or use a model that has one")
    }
    try reader.places.checkTied()
    return head.isTied ? architecture.embedding.tokens : head.name
  }

  private func read() throws(ModelFileError) -> ProductMatrix {
    try reader.matrix([(try name(), architecture.vocabularySize)], columns: architecture.width)
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
