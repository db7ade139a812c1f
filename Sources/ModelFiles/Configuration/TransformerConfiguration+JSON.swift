import Foundation

extension TransformerConfiguration {
  /// The configuration as JSON with sorted keys: equal configurations have equal text. Part of a cached
  /// state's identity.
  public func canonicalJSON() throws(ModelFileError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw .malformed(
        file: "configuration", item: "its numbers", expected: "finite values", found: "\(error)")
    }
  }
}
