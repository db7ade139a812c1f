import TestSupport

/// A safetensors file of any header and any data.
func rawSafetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  GGUFBuilder.bytes(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
}
