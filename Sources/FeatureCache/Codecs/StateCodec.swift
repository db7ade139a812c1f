/// A way to store the hidden states of consecutive tokens in few bytes.
///
/// What every codec keeps true, since a cached state must equal a recomputed one bit for bit:
/// - `decode(encode(x))` has the bits that `roundTrip` leaves in `x`;
/// - the decoded values of a token depend on that token's values alone, not on its neighbours in
///   the record.
///
/// Shapes: `states` is `[tokens, width]`, row-major.
public protocol StateCodec: Sendable {
  /// What kind it is, in the rows of records.
  var name: String { get }
  /// What decides what it decodes to: its name, and where it was fitted, which fit it is.
  var identity: String { get }
  /// What it was fitted to, as bytes; `nil` where all there is to know is its name.
  var parameters: [UInt8]? { get }
  /// What the fit was allowed and shown to do; `nil` where there is none.
  var fitSummary: FitSummary? { get }
  /// Why nothing can be coded or decoded with it; `nil` where all is well.
  var fault: String? { get }

  /// Bytes of payload a token, from sizes measured on hidden states: what a plan reckons with.
  func usualPayload(width: Int) -> Double

  /// The states, coded. Throws when a value is not finite or beyond the codec's range.
  ///
  /// `decoded`, where it is given, gets what decoding will give.
  func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates

  /// Writes `tokens * width` finite values, or throws: whatever the payload holds, it is never
  /// trusted.
  func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError)

  /// Replaces the states with what would be decoded after encoding them.
  func roundTrip(_ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int) throws(CodecError)
}

extension StateCodec {
  public var identity: String { name }
  public var parameters: [UInt8]? { nil }
  public var fitSummary: FitSummary? { nil }
  public var fault: String? { nil }

  /// That of float32 values as they are, where a codec does not say less.
  public func usualPayload(width: Int) -> Double { 4 * Double(width) }

  public func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) -> EncodedStates {
    try encode(states, tokens: tokens, width: width, decoded: nil)
  }
}

/// A record's payload, before it has a place in a cache.
public struct EncodedStates: Sendable {
  public let payload: [UInt8]
  /// Bytes before entropy coding.
  public let rawByteCount: Int

  public init(payload: [UInt8], rawByteCount: Int) {
    self.payload = payload
    self.rawByteCount = rawByteCount
  }
}

/// Why states can't be coded, or a payload not decoded. Positions are relative to the states given.
public enum CodecError: Error, Equatable, Sendable, CustomStringConvertible {
  case notFinite(token: Int, channel: Int, value: Float)
  case outOfRange(token: Int, channel: Int, value: Float, limit: Float)
  case badPayload(String)

  public var description: String {
    switch self {
    case .notFinite(let token, let channel, let value):
      "token \(token), channel \(channel) is \(value)"
    case .outOfRange(let token, let channel, let value, let limit):
      "token \(token), channel \(channel) is \(value), beyond the codec's \(limit)"
    case .badPayload(let reason):
      reason
    }
  }
}

/// Throws for the first value of `[tokens, width]` that is infinite or not a number.
func requireFinite(_ states: UnsafePointer<Float>, tokens: Int, width: Int) throws(CodecError) {
  let exponent: UInt32 = 0x7F80_0000
  var found = false
  for index in 0..<(tokens * width) {
    // No early exit, so that the loop is one of vector instructions.
    found = found || (states[index].bitPattern & exponent == exponent)
  }
  guard found else { return }
  for index in 0..<(tokens * width) where !states[index].isFinite {
    throw .notFinite(token: index / width, channel: index % width, value: states[index])
  }
}
