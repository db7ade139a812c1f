/// A codec as the command line names it: one that there is, or one still to be fitted.
public struct CodecChoice: Equatable, Sendable, CustomStringConvertible {
  public let family: any CodecFamily
  /// As it was written: "int8", "transform:0.005".
  public let description: String
  /// Nats a token that a codec which is fitted may add to the source's loss; `nil` where it needs no fit.
  public let allowance: Double?

  public init(_ family: any CodecFamily, _ description: String, allowance: Double?) {
    self.family = family
    self.description = description
    self.allowance = allowance
  }

  /// What is used when nothing is said.
  public static let standard = UnfittedFamily(CodecRegistry.standard).choice

  public var needsFit: Bool { family.needsFit }

  /// Whether it is what a cache's codec was chosen by.
  public func matches(_ codec: any StateCodec) -> Bool {
    guard needsFit else { return codec.identity == description }
    return codec.name == family.name && codec.fitSummary?.allowance == allowance
  }

  public static func == (left: CodecChoice, right: CodecChoice) -> Bool {
    left.description == right.description && left.allowance == right.allowance
  }
}
