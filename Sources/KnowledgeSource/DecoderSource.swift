import Architectures
import Layers
import ModelFiles
import Numerics

/// A frozen decoder, in which a token sees what is before it: a token's state depends on its document up to
/// that token and on nothing else, to the last bit: not on what the document is batched with, nor on the
/// number of threads, nor on whether it was computed in one pass or token by token in a session.
public final class DecoderSource: SteppingSource {
  let network: FrozenNetwork
  private let output: OutputLayer

  init(_ network: FrozenNetwork) {
    self.network = network
    output = OutputLayer(network.reader, network.architecture)
  }

  /// Opens a model that is a decoder with an output layer; throws for one that is none.
  public convenience init(
    _ folder: ModelFolder, precision: Precision = .float32,
    architectures: ArchitectureRegistry = .builtIn
  ) throws(KnowledgeSourceError) {
    let network = try FrozenNetwork(folder, precision: precision, architectures: architectures)
    guard network.architecture.visibility == .causal else {
      throw .noDecoder(path: folder.path, family: network.architecture.family)
    }
    self.init(network)
    do { try output.check() } catch { throw .files(error) }
  }

  public var architecture: any Architecture { network.architecture }
  public var precision: Precision { network.precision }

  /// Rows that go through a block together, if documents allow.
  public static let rowsOfAPass = FrozenNetwork.rowsOfAPass

  public func encode(
    _ documents: [[Int32]], layers: [StateLayer], into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    try network.encode(documents, layers: layers, into: outputs)
  }

  public func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool?
  ) throws(KnowledgeSourceError) -> Double {
    try errorAgainstFloat32(ids, layer: layer, normalized: normalized, network)
  }

  /// Writes the logits of `count` final states, layer N after the norm, to `out`,
  /// [count, vocabulary]. Throws where an output layer that is read only now cannot be.
  public func logits(
    fromFinalStates states: UnsafePointer<Float>, count: Int,
    into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    do throws(ModelFileError) {
      try output.multiply(out, states, count: count)
    } catch {
      throw .files(error)
    }
  }
}

extension DecoderSource {
  public func states(
    continuing pieces: [SourceContinuation], layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    precondition(layers.count == outputs.count, "a place for each layer")
    let highest = layers.map(\.index).max() ?? 0
    precondition(
      pieces.allSatisfy { piece in
        piece.prefix.map { $0.source === self && $0.layer >= highest } ?? true
      }, "a prefix must be of this source and reach the layers")
    for layer in layers { try architecture.check(layer: layer.index) }
    for piece in pieces { try architecture.check(piece.ids, from: piece.prefix?.count ?? 0) }
    network.encode(
      pieces.lazy.map(\.ids).joined(),
      parts: pieces.map {
        FrozenNetwork.Part(earlier: $0.prefix?.stored ?? [], count: $0.ids.count)
      },
      layers: layers, into: outputs)
  }

  /// Goes on from the states of documents at layer `first`, un-normalised, to those at layer `last`,
  /// in place: `states` is [tokens of all documents, width], and `lengths` says how many tokens each
  /// document has. A document is whole: its first row is the token at position 0.
  public func advance(
    _ states: UnsafeMutablePointer<Float>, lengths: [Int], from first: Int, to last: Int,
    normalized: Bool? = nil
  ) throws(KnowledgeSourceError) {
    try architecture.check(layer: last)
    guard (0...last).contains(first) else {
      throw .layerOutOfRange(layer: first, layerCount: last)
    }
    for length in lengths { try architecture.check(length: length) }
    let x = Rows(states, count: lengths.reduce(0, +), width: width)
    network.run(
      x, parts: lengths.map { FrozenNetwork.Part(earlier: [], count: $0) }, from: first, to: last)
    if normalized ?? isNormalized(last) { network.normalize(x) }
  }

  public func makeSession(
    capacity: Int, layer: Int?, normalized: Bool?
  ) throws(KnowledgeSourceError) -> SourceSession {
    let layer = layer ?? layerCount
    return try SourceSession(
      self, capacity: capacity, layer: layer, normalized: normalized ?? isNormalized(layer))
  }

  public func append(
    _ pieces: [(session: SourceSession, ids: [Int32])], layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    guard let first = pieces.first?.session else { return }
    precondition(
      Set(pieces.map { ObjectIdentifier($0.session) }).count == pieces.count
        && pieces.allSatisfy {
          $0.session.source === self && $0.session.layer == first.layer
        }, "sessions of one append must differ and must be alike")
    precondition(
      layers.count == outputs.count && layers.map(\.index).max() == first.layer,
      "a place for each layer, of which the sessions' is the highest")
    for layer in layers { try architecture.check(layer: layer.index) }
    for (session, ids) in pieces {
      try session.checkRoom(for: ids.count)
      try architecture.check(ids, from: session.count)
    }
    var row = 0
    let sequences = Sequences(
      pieces.map { session, ids in
        defer { row += ids.count }
        return session.part(of: ids.count, firstRow: row)
      })
    network.encode(
      pieces.lazy.map(\.ids).joined(), sequences, rows: row, layers: layers, into: outputs)
    for (session, ids) in pieces { session.extend(by: ids) }
  }
}
