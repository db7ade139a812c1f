import Foundation

/// The transform codecs: each fitted on a sample with an allowance in nats, "transform:0.005".
public struct TransformFamily: CodecFamily {
  public let name = "transform"
  public let usage = "transform:NATS"
  public let needsFit = true

  /// What choices and identities of the family begin with.
  static let prefix = "transform:"

  public init() {}

  public func choice(_ text: String) throws(CacheError) -> CodecChoice? {
    guard text.hasPrefix(Self.prefix) else { return nil }
    guard let allowance = Double(text.dropFirst(Self.prefix.count)), allowance > 0,
      allowance <= 10
    else {
      throw .invalid(
        "\(text): transform: takes more than 0 and at most 10 nats a token, as transform:0.005")
    }
    return .transform(allowance: allowance)
  }

  public func has(_ identity: String) -> Bool { identity.hasPrefix(Self.prefix) }

  public func codec(
    _ identity: String, parameters: [UInt8]?
  ) throws(CacheError) -> any StateCodec {
    guard let parameters else {
      throw .invalid("the codec \(identity) needs the fit that it was made with")
    }
    let codec: TransformCodec
    do throws(CodecError) {
      codec = TransformCodec(try TransformFit(bytes: parameters))
    } catch {
      throw .invalid("the fit of the codec \(identity) can't be read: \(error)")
    }
    guard codec.identity == identity else {
      throw .invalid("the codec \(identity) has the fit of \(codec.identity)")
    }
    return codec
  }

  public func usualPayload(_ choice: CodecChoice, width: Int) -> Double {
    // About half an octave of step less for twice the loss.
    max(0.3 - 0.062 * log2((choice.allowance ?? 0.005) / 0.005), 0.05) * Double(width)
  }

  public func usualFit(width: Int) -> Int { TransformFit.usualBytes(width: width) }
}

extension CodecChoice {
  /// A transform codec that may add so many nats a token to the source's loss.
  public static func transform(allowance: Double) -> CodecChoice {
    CodecChoice(TransformFamily(), TransformFamily.prefix + "\(allowance)", allowance: allowance)
  }
}
