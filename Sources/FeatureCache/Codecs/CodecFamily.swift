/// A kind of codec: how one is chosen on the command line, and how it is made again from what a cache says of it.
///
/// A new kind is a file with its `StateCodec` and its family, and a line in a `CodecRegistry`.
public protocol CodecFamily: Sendable {
  /// What its codecs are called in the rows of records.
  var name: String { get }
  /// How it is written where a codec is chosen: "int8", "transform:NATS".
  var usage: String { get }
  /// Whether its codecs are fitted on a sample, and stored with what they were fitted to.
  var needsFit: Bool { get }

  /// What `text` chooses of this family; `nil` where it names another.
  func choice(_ text: String) throws(CacheError) -> CodecChoice?

  /// Whether a codec of this identity is one of the family's.
  func has(_ identity: String) -> Bool

  /// The codec of an identity that the family has.
  ///
  /// - Parameter parameters: what the codec that had the identity gave as its own; `nil` where it needs none.
  func codec(_ identity: String, parameters: [UInt8]?) throws(CacheError) -> any StateCodec

  /// Bytes of payload that a codec of this choice takes for a token, from sizes measured on hidden states.
  func usualPayload(_ choice: CodecChoice, width: Int) -> Double

  /// Bytes that a fit takes in a cache, about; 0 where there is none.
  func usualFit(width: Int) -> Int
}

extension CodecFamily {
  public func usualFit(width: Int) -> Int { 0 }
}

/// The family of one codec that is all there is to know of by its name.
public struct UnfittedFamily: CodecFamily {
  public let codec: any StateCodec

  public init(_ codec: any StateCodec) {
    self.codec = codec
  }

  public var name: String { codec.name }
  public var usage: String { codec.name }
  public var needsFit: Bool { false }

  /// The choice of its codec, which its name alone makes.
  public var choice: CodecChoice { CodecChoice(self, name, allowance: nil) }

  public func choice(_ text: String) -> CodecChoice? { text == name ? choice : nil }

  public func has(_ identity: String) -> Bool { identity == codec.identity }

  public func codec(_ identity: String, parameters: [UInt8]?) -> any StateCodec { codec }

  public func usualPayload(_ choice: CodecChoice, width: Int) -> Double {
    codec.usualPayload(width: width)
  }
}
