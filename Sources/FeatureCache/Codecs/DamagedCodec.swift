/// Stands for a codec whose fit can't be read, so that all else in its file can.
struct DamagedCodec: StateCodec {
  /// That of its family.
  let name: String
  let identity: String
  /// What is damaged, and how.
  let reason: String

  var fault: String? { reason }

  func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    throw .badPayload(reason)
  }

  func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    throw .badPayload(reason)
  }

  func roundTrip(
    _ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) {
    throw .badPayload(reason)
  }
}
