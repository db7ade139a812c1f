import Identity
import Numerics

extension CacheIdentity {
  /// Names the source alone: its weights, configuration and tokenizer.
  var sourceKey: [UInt8] {
    Self.sourceKey(weights: weights, architecture: architecture, tokenizer: tokenizer)
  }

  static func sourceKey(weights: String, architecture: String, tokenizer: String) -> [UInt8] {
    var hash = FramedHash("denju source key 1")
    hash.add(weights)
    hash.add(architecture)
    hash.add(tokenizer)
    return hash.finalize()
  }

  /// The stream's key, which every record's key begins with: the identity, and how texts are cut
  /// into records.
  func streamKey(chunkTokens: Int) -> [UInt8] {
    var hash = FramedHash("denju stream 1")
    hash.add(scope.kind)
    hash.add(chunkTokens)
    for field in fields {
      hash.add(field.name)
      hash.add(field.value)
    }
    return hash.finalize()
  }

  /// What differs when the source of this identity's states is to be run again, here and now; empty
  /// when the states will be the same.
  public func differences(
    fromWeights weights: String, architecture: String, tokenizer: String
  ) -> [IdentityDifference] {
    var found = self
    found.weights = weights
    found.architecture = architecture
    found.tokenizer = tokenizer
    found.numerics = Numerics.version
    return differences(from: found, acceptOtherNumerics: false)
  }
}
