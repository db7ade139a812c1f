import FeatureCache
import Foundation
import KnowledgeSource
import Numerics

/// Fits the transform codec on a sample of a corpus, with the largest step that adds no more to the source's
/// loss than is allowed.
public struct CodecFitting: ~Copyable {
  private let source: DecoderSource
  private let layer: Int
  private let normalized: Bool
  private let fitting: TransformFitting
  private let heldOut: [[Int32]]
  private let states: FloatBuffer
  private let reference: [Double]
  /// The first of the texts held out, and their final states.
  private let compared: (texts: Int, tokens: Int)
  private let final: FloatBuffer

  /// Tokens whose distributions are compared whole: this has little noise.
  private static let comparedTokens = 4096
  /// Trials of a step, at most.
  private static let trials = 12
  /// How near to the allowance the bound has to come.
  private static let nearness = 0.06

  /// Computes the states of the sample.
  ///
  /// - Parameters:
  ///   - layer: 0 to N.
  ///   - normalized: after the final norm.
  ///   - check: called between passes; throws to end it.
  public init(
    _ source: DecoderSource, layer: Int, normalized: Bool, sample: CalibrationSample,
    check: () throws -> Void
  ) throws {
    guard sample.heldOut.count > 1 else {
      throw PrecomputeError.cannotFit(
        "of \(sample.fitted.count + sample.heldOut.count) texts only \(sample.heldOut.count) would be held out "
          + "to measure its loss on, and it takes two")
    }
    let fitted = try Self.states(source, sample.fitted, layer, normalized, check)
    let tokens = fitted.count / source.width
    // Other layers' states are not what the output layer reads.
    let output = normalized ? try Self.output(source, fitted.base, tokens: tokens, check) : nil
    let fitting: TransformFitting
    do throws(CodecError) {
      fitting = try TransformFitting(
        states: fitted.base, tokens: tokens, width: source.width, output: output)
    } catch {
      throw PrecomputeError.cannotFit("\(error)")
    }
    let states = try Self.states(source, sample.heldOut, layer, normalized, check)
    let reference = try Self.losses(
      source, sample.heldOut, states.base, layer, normalized, check)
    var compared = (texts: 0, tokens: 0)
    while compared.texts < sample.heldOut.count, compared.tokens < Self.comparedTokens {
      compared.tokens += sample.heldOut[compared.texts].count
      compared.texts += 1
    }
    let final = try Self.final(
      source, Array(sample.heldOut.prefix(compared.texts)), states.base, layer, normalized, check)
    self.source = source
    self.layer = layer
    self.normalized = normalized
    self.fitting = fitting
    heldOut = sample.heldOut
    self.states = states
    self.reference = reference
    self.compared = compared
    self.final = final
  }

  /// - Parameters:
  ///   - allowance: nats a token, more than nothing.
  ///   - salt: of a fit for an encrypted cache.
  ///   - note: told of every trial, in a line.
  public func codec(
    allowance: Double, salt: [UInt8] = TransformFit.noSalt, note: (String) -> Void = { _ in },
    check: () throws -> Void
  ) throws -> TransformCodec {
    var step = fitting.startingStep
    var best: (step: Float, fit: TransformFit)?
    var tooLarge: Float?
    for _ in 0..<Self.trials {
      var fit = try fitting.fit(step: step, allowance: allowance)
      try measure(&fit, check)
      let cost = fit.measurement.cost
      note("step \(step): \(fit.measurement)")
      guard cost.isFinite else { throw PrecomputeError.allowanceNotMet(allowance) }
      if cost > allowance {
        tooLarge = min(tooLarge ?? .infinity, step)
      } else {
        if step > best?.step ?? 0 { best = (step, fit) }
        if cost >= (1 - Self.nearness) * allowance { break }
      }
      // Loss grows about as the square of the step; aimed at the middle of what is near enough.
      let ratio = allowance * (1 - Self.nearness / 2) / max(cost, allowance / 16)
      step *= Float(min(max(ratio.squareRoot(), 0.25), 4))
      if let best, let tooLarge {
        // Loss is noisy in the step: one that passes may lie above one that does not.
        guard tooLarge / best.step > 1.03 else { break }
        if step < best.step * 1.01 || step > tooLarge * 0.99 {
          step = (best.step * tooLarge).squareRoot()
        }
      }
    }
    guard var fit = best?.fit else { throw PrecomputeError.allowanceNotMet(allowance) }
    fit.salt = salt
    return TransformCodec(fit)
  }

  /// Bytes of payload a token that codecs take on the first of the texts held out, whole texts as records.
  public func bytesPerToken(_ codec: any StateCodec) throws -> Double {
    var (bytes, place) = (0, 0)
    for ids in heldOut.prefix(compared.texts) {
      bytes +=
        try codec.encode(
          states.base + place * source.width, tokens: ids.count, width: source.width
        ).payload.count
      place += ids.count
    }
    return Double(bytes) / Double(max(place, 1))
  }

  private func measure(_ fit: inout TransformFit, _ check: () throws -> Void) throws {
    let decoded = FloatBuffer(count: states.count)
    decoded.base.update(from: states.base, count: states.count)
    try TransformCodec(fit)
      .roundTrip(decoded.base, tokens: states.count / source.width, width: source.width)
    let losses = try Self.losses(source, heldOut, decoded.base, layer, normalized, check)
    let counts = heldOut.map { $0.count - 1 }
    let added = PairedDifference(zip(losses, reference).map(-), counts: counts)
    // There are two documents at least, so that there is an error.
    fit.measurement.heldOutTokens = counts.reduce(0, +)
    fit.measurement.added = added.mean
    fit.measurement.bound = added.mean + 1.96 * (added.standardError ?? .infinity)
    let final = try Self.final(
      source, Array(heldOut.prefix(compared.texts)), decoded.base, layer, normalized, check)
    fit.measurement.divergence = try divergence(final.base, check)
  }

  /// Mean KL(p, q) of the next token's distributions by the source's final states and by others.
  private func divergence(
    _ other: UnsafePointer<Float>, _ check: () throws -> Void
  ) throws -> Double {
    let (width, vocabulary) = (source.width, source.vocabularySize)
    let p = FloatBuffer(count: Self.rowsAtOnce * vocabulary)
    let q = FloatBuffer(count: Self.rowsAtOnce * vocabulary)
    let logits = FloatBuffer(count: vocabulary)
    var sum = 0.0
    for first in stride(from: 0, to: compared.tokens, by: Self.rowsAtOnce) {
      try check()
      let count = min(Self.rowsAtOnce, compared.tokens - first)
      try source.logits(fromFinalStates: final.base + first * width, count: count, into: p.base)
      try source.logits(fromFinalStates: other + first * width, count: count, into: q.base)
      for row in 0..<count {
        let (p, q) = (p.base + row * vocabulary, q.base + row * vocabulary)
        // Σ p (log p - log q) = Σ p (z - y) - log Σ exp z + log Σ exp y, of the logits z and y.
        for token in 0..<vocabulary { logits[token] = p[token] - q[token] }
        let difference = Double(softmax(vocabulary, q)) - Double(softmax(vocabulary, p))
        sum += Double(dot(vocabulary, p, logits.base)) + difference
      }
    }
    return sum / Double(compared.tokens)
  }
}
