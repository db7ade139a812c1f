import FeatureCache
import Foundation
import KnowledgeSource
import Numerics

/// What every codec takes, and what it costs: bytes a token against the loss of the source itself when it
/// goes on from the decoded states.
public struct CodecComparison: Codable, Sendable {
  public struct Arm: Codable, Sendable {
    public let codec: String
    /// Of payload, records of `chunkTokens` tokens.
    public let bytesPerToken: Double
    /// |decoded - computed| / |computed|, over all values.
    public let relativeError: Double
    /// The largest of a token.
    public let worstRelativeError: Double
    /// Nats a token, and minus that of the undecoded states, paired.
    public let loss: Double
    public let added: PairedDifference
    /// On one core.
    public let encodedTokensPerSecond: Double
    public let decodedTokensPerSecond: Double
    /// Where a generator was asked.
    public var answers: Answers?
  }

  /// What decoded states leave of a trained generator's answers.
  public struct Answers: Codable, Sendable {
    public let documents: Int
    /// Answers that are those from the undecoded states.
    public let unchanged: Int

    public init(documents: Int, unchanged: Int) {
      self.documents = documents
      self.unchanged = unchanged
    }
  }

  public let layer: Int
  public let normalized: Bool
  public let documents: Int
  /// Predicted.
  public let tokens: Int
  /// Of the undecoded states, nats a token.
  public let loss: Double
  /// In the codecs' order.
  public var arms: [Arm]

  /// Runs the documents once through the source, and their states through every codec.
  ///
  /// - Parameters:
  ///   - layer: 0 to N; the last layer's states are taken after the final norm.
  ///   - documents: token ids, two at least in each.
  ///   - progress: called with the count of documents that are done; throws to end it.
  public init(
    _ source: DecoderSource, layer: Int, documents: [[Int32]], codecs: [any StateCodec],
    chunkTokens: Int = FeatureCache.standardChunkTokens, progress: (Int) throws -> Void
  ) throws {
    self.layer = layer
    normalized = layer == source.layerCount
    self.documents = documents.count
    var tallies = codecs.map { CodecTally($0, width: source.width) }
    var reference: [Double] = []
    for (index, ids) in documents.enumerated() {
      let states = FloatBuffer(count: ids.count * source.width)
      try source.states(ids, layer: layer, into: states.base)
      reference.append(try Self.loss(source, ids, layer: layer, states: states))
      for place in tallies.indices {
        let decoded = try tallies[place].pass(states, ids, chunkTokens: chunkTokens)
        tallies[place].losses.append(try Self.loss(source, ids, layer: layer, states: decoded))
      }
      try progress(index + 1)
    }
    let counts = documents.map { $0.count - 1 }
    let total = counts.reduce(0, +)
    tokens = total
    loss = reference.reduce(0, +) / Double(total)
    arms = tallies.map { $0.arm(reference: reference, counts: counts) }
  }

  /// Of a document, summed over its tokens: the source goes on from `states`, which are changed by that.
  private static func loss(
    _ source: DecoderSource, _ ids: [Int32], layer: Int, states: borrowing FloatBuffer
  ) throws -> Double {
    let final = FloatBuffer(count: ids.count * source.width)
    final.base.update(from: states.base, count: ids.count * source.width)
    if layer < source.layerCount {
      try source.advance(
        final.base, lengths: [ids.count], from: layer, to: source.layerCount)
    }
    return try source.losses(of: ids, finalStates: final.base).reduce(0) { $0 + Double($1) }
  }
}

/// What came together for one codec so far.
private struct CodecTally {
  let codec: any StateCodec
  let width: Int
  private var tokens = 0
  private var bytes = 0
  private var squares = 0.0
  private var size = 0.0
  private var worst = 0.0
  private var seconds = (encoding: 0.0, decoding: 0.0)
  var losses: [Double] = []

  init(_ codec: any StateCodec, width: Int) {
    self.codec = codec
    self.width = width
  }

  /// Codes a document's states in records, and decodes them.
  mutating func pass(
    _ states: borrowing FloatBuffer, _ ids: [Int32], chunkTokens: Int
  ) throws -> FloatBuffer {
    let decoded = FloatBuffer(count: ids.count * width)
    let (states, base) = (states.base, decoded.base)
    try ThreadTeam.shared.limited(to: 1) {
      try code(states, into: base, tokens: ids.count, chunkTokens: chunkTokens)
    }
    note(states, base, tokens: ids.count)
    return decoded
  }

  private mutating func code(
    _ states: UnsafePointer<Float>, into decoded: UnsafeMutablePointer<Float>, tokens: Int,
    chunkTokens: Int
  ) throws {
    for first in stride(from: 0, to: tokens, by: chunkTokens) {
      let count = min(chunkTokens, tokens - first)
      let began = ContinuousClock.now
      let payload = try codec.encode(states + first * width, tokens: count, width: width).payload
      let encoded = ContinuousClock.now
      try payload.withUnsafeBytes {
        try codec.decode($0, tokens: count, width: width, into: decoded + first * width)
      }
      seconds.encoding += (encoded - began).inSeconds
      seconds.decoding += (ContinuousClock.now - encoded).inSeconds
      bytes += payload.count
    }
  }

  private mutating func note(
    _ states: UnsafePointer<Float>, _ decoded: UnsafePointer<Float>, tokens count: Int
  ) {
    tokens += count
    for token in 0..<count {
      var (difference, length) = (0.0, 0.0)
      for index in token * width..<(token + 1) * width {
        let value = Double(states[index])
        let change = Double(decoded[index]) - value
        difference += change * change
        length += value * value
      }
      squares += difference
      size += length
      if length > 0 { worst = max(worst, (difference / length).squareRoot()) }
    }
  }

  func arm(reference: [Double], counts: [Int]) -> CodecComparison.Arm {
    CodecComparison.Arm(
      codec: codec.identity, bytesPerToken: Double(bytes) / Double(tokens),
      relativeError: size > 0 ? (squares / size).squareRoot() : 0, worstRelativeError: worst,
      loss: losses.reduce(0, +) / Double(counts.reduce(0, +)),
      added: PairedDifference(zip(losses, reference).map(-), counts: counts),
      encodedTokensPerSecond: Double(tokens) / max(seconds.encoding, 1e-9),
      decodedTokensPerSecond: Double(tokens) / max(seconds.decoding, 1e-9))
  }
}
