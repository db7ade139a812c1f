/// The codecs that caches may have and that can be chosen: a value that is handed in where a cache is opened.
public struct CodecRegistry: Sendable {
  public let families: [any CodecFamily]

  public init(_ families: [any CodecFamily]) {
    self.families = families
  }

  /// The codecs of this program.
  public static let builtIn = CodecRegistry([
    UnfittedFamily(standard),
    UnfittedFamily(Int4Codec()),
    UnfittedFamily(Float16Codec()),
    UnfittedFamily(Float32Codec()),
    TransformFamily(),
  ])

  /// What is used when nothing is said.
  public static let standard: any StateCodec = Int8Codec()

  /// The codecs that need no fit.
  public var unfitted: [any StateCodec] {
    families.compactMap { ($0 as? UnfittedFamily)?.codec }
  }

  /// The codec that a text chooses, as "int8" or "transform:0.005".
  public func choice(_ text: String) throws(CacheError) -> CodecChoice {
    for family in families {
      if let choice = try family.choice(text) { return choice }
    }
    throw unknown(text)
  }

  /// The family that has the codec of this identity.
  func family(of identity: String) throws(CacheError) -> any CodecFamily {
    guard let family = families.first(where: { $0.has(identity) }) else { throw unknown(identity) }
    return family
  }

  /// The codec of this identity.
  ///
  /// - Parameter parameters: what the codec that had it gave as its own.
  public func codec(
    _ identity: String, parameters: [UInt8]?
  ) throws(CacheError) -> any StateCodec {
    try family(of: identity).codec(identity, parameters: parameters)
  }

  private func unknown(_ name: String) -> CacheError {
    .unknownCodec(name: name, known: families.map(\.usage))
  }
}
