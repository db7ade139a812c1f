/// A codec as the command line names it: one that there is, or one still to be fitted.
public enum CodecChoice: Equatable, Sendable, CustomStringConvertible {
  /// By its name.
  case ready(String)
  /// The transform codec, with so many nats a token that it may add to the source's loss.
  case transform(allowance: Double)

  /// What is used when nothing is said.
  public static let standard = CodecChoice.ready(StateCodecs.standard.name)

  /// - Parameter text: "int8", or "transform:0.005".
  public init(_ text: String) throws(CacheError) {
    guard text.hasPrefix(TransformCodec.family) else {
      self = .ready(try StateCodecs.named(text).name)
      return
    }
    guard let allowance = Double(text.dropFirst(TransformCodec.family.count)), allowance > 0,
      allowance <= 10
    else {
      throw .invalid(
        "\(text): transform: takes more than 0 and at most 10 nats a token, as transform:0.005")
    }
    self = .transform(allowance: allowance)
  }

  public var description: String {
    switch self {
    case .ready(let name): name
    case .transform(let allowance): TransformCodec.family + "\(allowance)"
    }
  }

  public var needsFit: Bool {
    if case .transform = self { true } else { false }
  }

  /// Whether it is what a cache's codec was chosen by.
  public func matches(_ codec: any StateCodec) -> Bool {
    switch self {
    case .ready(let name): codec.identity == name
    case .transform(let allowance):
      (codec as? TransformCodec).map { $0.fit.allowance == allowance } ?? false
    }
  }
}
