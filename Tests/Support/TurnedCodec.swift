import FeatureCache

/// A codec that the program does not have: the values' own bytes, each with all of its bits turned.
package struct TurnedCodec: StateCodec {
  package let name = "turned"

  package init() {}

  package func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    let values = UnsafeBufferPointer(start: states, count: tokens * width)
    decoded?.update(from: states, count: values.count)
    let payload = UnsafeRawBufferPointer(values).map { ~$0 }
    return EncodedStates(payload: payload, rawByteCount: payload.count)
  }

  package func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    guard payload.count == 4 * tokens * width else { throw .badPayload("another size") }
    UnsafeMutableRawBufferPointer(start: states, count: payload.count)
      .copyBytes(from: payload.map { ~$0 })
  }

  package func roundTrip(_ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int) {}
}
