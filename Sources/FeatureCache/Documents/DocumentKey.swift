/// Identifies a document by its prompt's and response's bytes.
public struct DocumentKey: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  let bytes: [UInt8]

  /// Of a document as a source reads it.
  public init(prompt: [UInt8], response: [UInt8]) {
    var hash = FramedHash("denju document 1")
    hash.add(prompt)
    hash.add(response)
    bytes = hash.finalize()
  }

  /// Of a document as it was given. The same bytes in two forms are two documents.
  public init(form: DocumentForm, prompt: [UInt8], response: [UInt8]) {
    var hash = FramedHash("denju given document 1")
    hash.add(form.rawValue)
    hash.add(prompt)
    hash.add(response)
    bytes = hash.finalize()
  }

  public var description: String {
    hexadecimal(bytes)
  }
}
