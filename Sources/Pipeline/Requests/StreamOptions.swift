import FeatureCache

/// Which of a cache's streams is meant.
public struct StreamOptions: DeclaredOptions {
  public var stream: Int?

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] = [
    .option(
      "stream", \.stream, .integers(from: 1),
      help: "The stream, as cache_by_source numbers them, where the cache has several.")
  ]

  public var choice: FeatureCache.StreamChoice { stream.map { .number($0) } ?? .only }
}
