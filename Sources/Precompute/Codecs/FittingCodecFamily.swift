import FeatureCache
import KnowledgeSource

/// A family whose codecs this program can fit: on a sample of the corpus, by what the source makes of it.
public protocol FittingCodecFamily: CodecFamily {
  /// A codec for each of `choices`, all of this family, from one preparation of the sample.
  func fit(_ choices: [CodecChoice], on ground: FittingGround) throws -> [any StateCodec]
}

/// What codecs are fitted on.
public struct FittingGround {
  let source: DecoderSource
  /// 0 to N.
  let layer: Int
  /// Whether the states are those after the final norm.
  let normalized: Bool
  let sample: CalibrationSample
  /// A secret's, for an encrypted cache.
  let salt: [UInt8]
  /// Told, in lines, what was tried.
  let note: (String) -> Void
  /// Called now and then; throws to end it.
  let check: () throws -> Void

  public init(
    _ source: DecoderSource, layer: Int, normalized: Bool, sample: CalibrationSample,
    salt: [UInt8] = TransformFit.noSalt, note: @escaping (String) -> Void = { _ in },
    check: @escaping () throws -> Void
  ) {
    self.source = source
    self.layer = layer
    self.normalized = normalized
    self.sample = sample
    self.salt = salt
    self.note = note
    self.check = check
  }

  /// A codec for each of `choices`, in their order: those that need no fit as they are, the others fitted.
  public func codecs(_ choices: [CodecChoice]) throws -> [any StateCodec] {
    var codecs: [String: any StateCodec] = [:]
    for choice in choices where !choice.needsFit {
      codecs[choice.description] = try choice.family.codec(choice.description, parameters: nil)
    }
    let fitted = Dictionary(grouping: choices.filter(\.needsFit), by: \.family.name)
    for (_, choices) in fitted.sorted(by: { $0.key < $1.key }) {
      guard let family = choices.first?.family as? any FittingCodecFamily else {
        throw PrecomputeError.noFitting(choices.first?.description ?? "")
      }
      for (choice, codec) in zip(choices, try family.fit(choices, on: self)) {
        codecs[choice.description] = codec
      }
    }
    return choices.compactMap { codecs[$0.description] }
  }
}
