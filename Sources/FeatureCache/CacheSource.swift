import Crypto
import Identity

/// What a cache knows of the model behind it, beyond the identity.
public struct CacheSource: Equatable, Sendable {
  /// What people call it.
  public var name: String
  /// Where it was when the cache was made: a hint.
  public var path: String
  /// The serialized tokenizer; its SHA-256 is the identity's `tokenizer`.
  public var tokenizer: [UInt8]
  /// Name of the chat template prompts are written with; `nil`: none.
  public var chatTemplate: String?

  public init(name: String, path: String, tokenizer: [UInt8], chatTemplate: String?) {
    self.name = name
    self.path = path
    self.tokenizer = tokenizer
    self.chatTemplate = chatTemplate
  }

  /// SHA-256 of the tokenizer: the identity's.
  public var tokenizerFingerprint: String { hexadecimal(SHA256.hash(data: tokenizer)) }

  func checksum(identity: CacheIdentity) -> [UInt8] {
    var hash = FramedHash("denju source 1")
    hash.add(name)
    hash.add(identity.weights)
    hash.add(identity.architecture)
    hash.add(tokenizer)
    hash.add(identity.tokenizer)
    hash.add(chatTemplate == nil ? 0 : 1)
    hash.add(chatTemplate ?? "")
    return hash.finalize()
  }
}
