import Generation

/// The run to answer with, and where its cache and source are.
public struct AnsweringOptions: DeclaredOptions {
  public var place = TextGenerator.Place(run: "")

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] = [
    .required("run", \.place.run, .text, help: "The folder of a training run."),
    .option(
      "cache", \.place.cache, .text,
      help: "The cache to take states from; the run's own otherwise."),
    .list(
      "source", \.place.sources, .text,
      help:
        "The source to compute missing states with; where it was, otherwise. Given again, for each "
        + "of several sources."),
    .list(
      "without-stream", \.place.leftOut, .integers(from: 1),
      help: "Leave out this one of the run's streams, by its number in `denju inspect RUN`."),
    .flag(
      "no-cache", \.place.usesCache, sets: false,
      help: "Use no cache: compute every prompt's states."),
    .flag("store", \.place.stores, help: "Store states that had to be computed."),
  ]

  public func validate() throws {
    guard place.usesCache || !place.stores else { throw OptionError.storeWithoutCache }
    if let cache = place.cache, !place.usesCache { throw OptionError.cacheAndNone(cache) }
  }
}
