import Architectures
import FeatureCache
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics

/// Keys and values of a text's first tokens, for what comes after them.
struct PrefixKeys {
  fileprivate let session: SourceSession
}

/// A source whose weights are read, as stage one and repairing run it: states of some of its layers.
///
/// Of this module only this, and the codecs that are fitted and measured on a source's output layer, know what
/// computes them.
struct OpenedSource {
  let knowledge: any Source
  let layers: [StateLayer]
  /// |states - float32's| / |float32's| on a fixed text, where the source computes in less.
  private(set) var precisionError: Double?
  /// Seconds that reading the weights took, and measuring the arithmetic.
  private(set) var seconds = 0.0

  private let highest: StateLayer

  /// Rows that go through the source together at full speed.
  static let rowsOfAPass = DecoderSource.rowsOfAPass

  /// Reads the weights, and measures the arithmetic.
  init(_ reading: SourceReading) throws {
    let began = ContinuousClock.now
    try self.init(
      reading.folder, precision: reading.precision, layers: reading.layers,
      architectures: reading.architectures)
    if reading.precision != .float32 {
      precisionError = try layers.map { layer in
        try knowledge.errorAgainstFloat32(
          reading.calibrationIDs(), layer: layer.index, normalized: layer.normalized)
      }.max()
    }
    seconds = (ContinuousClock.now - began).inSeconds
  }

  /// Reads the weights.
  ///
  /// - Precondition: there is a layer.
  init(
    _ folder: ModelFolder, precision: Precision, layers: [StateLayer],
    architectures: ArchitectureRegistry = .builtIn
  ) throws {
    knowledge = try Sources.open(folder, precision: precision, architectures: architectures)
    self.layers = layers
    highest = layers.max { $0.index < $1.index } ?? layers[0]
  }

  /// The source as one with an output layer, on which codecs are fitted and measured.
  func decoder() throws -> DecoderSource {
    guard let decoder = knowledge as? DecoderSource else {
      throw PrecomputeError.noOutputLayer(family: knowledge.architecture.family)
    }
    return decoder
  }

  /// The source as one whose texts go on from their beginnings. The planner shares none of another.
  private func stepping() throws -> any SteppingSource {
    guard let stepping = knowledge as? any SteppingSource else {
      throw PrecomputeError.noOutputLayer(family: knowledge.architecture.family)
    }
    return stepping
  }

  /// The states of a whole text, [ids, width], a place a layer.
  func states(_ ids: [Int32], into states: [UnsafeMutablePointer<Float>]) throws {
    try knowledge.encode([ids], layers: layers, into: states)
  }

  /// The states of texts' rests, back to back, each after the tokens that its keys are of; a place a layer.
  func states(
    _ rests: [(after: PrefixKeys?, ids: [Int32])], into states: [UnsafeMutablePointer<Float>]
  ) throws {
    guard rests.contains(where: { $0.after != nil }) else {
      return try knowledge.encode(rests.map(\.ids), layers: layers, into: states)
    }
    try stepping().states(
      continuing: rests.map { SourceContinuation(prefix: $0.after?.session, ids: $0.ids) },
      layers: layers, into: states)
  }

  /// Keys and values with room for the first `capacity` tokens of a text: empty, or those of others.
  func makeKeys(after keys: PrefixKeys?, capacity: Int) throws -> PrefixKeys {
    if let keys { return PrefixKeys(session: try keys.session.fork(capacity: capacity)) }
    return PrefixKeys(
      session: try stepping().makeSession(
        capacity: capacity, layer: highest.index, normalized: highest.normalized))
  }

  /// Appends tokens to each of `work`'s keys, and writes their states, back to back; a place a layer.
  func append(
    _ work: [(keys: PrefixKeys, ids: [Int32])], into states: [UnsafeMutablePointer<Float>]
  ) throws {
    try stepping().append(
      work.map { ($0.keys.session, $0.ids) }, layers: layers, into: states)
  }
}
