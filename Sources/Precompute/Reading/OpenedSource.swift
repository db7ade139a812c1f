import FeatureCache
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics

/// Keys and values of a text's first tokens, for what comes after them.
struct PrefixKeys {
  fileprivate let session: SourceSession
}

/// A source whose weights are read, as stage one and repairing run it: states of one of its layers.
///
/// Of this module only this, and the codecs that are fitted and measured on a source's output layer, know what
/// computes them.
struct OpenedSource {
  let knowledge: DecoderSource
  let layer: Int
  let normalized: Bool
  /// |states - float32's| / |float32's| on a fixed text, where the source computes in less.
  private(set) var precisionError: Double?
  /// Seconds that reading the weights took, and measuring the arithmetic.
  private(set) var seconds = 0.0

  /// Rows that go through the source together at full speed.
  static let rowsOfAPass = DecoderSource.rowsOfAPass

  /// Reads the weights, and measures the arithmetic.
  init(_ reading: SourceReading) throws {
    let began = ContinuousClock.now
    try self.init(
      reading.folder, precision: reading.precision, layer: reading.layer,
      normalized: reading.normalized)
    if reading.precision != .float32 {
      precisionError = try knowledge.errorAgainstFloat32(
        reading.calibrationIDs(), layer: layer, normalized: normalized)
    }
    seconds = (ContinuousClock.now - began).inSeconds
  }

  /// Reads the weights.
  init(_ folder: ModelFolder, precision: Precision, layer: Int, normalized: Bool) throws {
    knowledge = try DecoderSource(folder, precision: precision)
    self.layer = layer
    self.normalized = normalized
  }

  /// The states of a whole text, [ids, width].
  func states(_ ids: [Int32], into states: UnsafeMutablePointer<Float>) throws {
    try knowledge.states(ids, layer: layer, normalized: normalized, into: states)
  }

  /// The states of texts' rests, back to back, each after the tokens that its keys are of.
  func states(
    _ rests: [(after: PrefixKeys?, ids: [Int32])], into states: UnsafeMutablePointer<Float>
  ) throws {
    try knowledge.states(
      continuing: rests.map { SourceContinuation(prefix: $0.after?.session, ids: $0.ids) },
      layer: layer, normalized: normalized, into: states)
  }

  /// Keys and values with room for the first `capacity` tokens of a text: empty, or those of others.
  func makeKeys(after keys: PrefixKeys?, capacity: Int) throws -> PrefixKeys {
    if let keys { return PrefixKeys(session: try keys.session.fork(capacity: capacity)) }
    return PrefixKeys(
      session: try knowledge.makeSession(
        capacity: capacity, layer: layer, normalized: normalized))
  }

  /// Appends tokens to each of `work`'s keys, and writes their states, back to back.
  func append(
    _ work: [(keys: PrefixKeys, ids: [Int32])], into states: UnsafeMutablePointer<Float>
  ) throws {
    try knowledge.append(work.map { ($0.keys.session, $0.ids) }, into: states)
  }
}
