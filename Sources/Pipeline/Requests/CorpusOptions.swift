import Corpora

/// Which documents there are, in which sets.
public struct CorpusOptions: DeclaredOptions {
  public var corpus: String?
  public var train: String?
  public var validation: String?
  public var test: String?
  public var validationShare = 0.05
  public var testShare = 0.05
  public var format: NamedForm?
  public var fields: String?
  public var badRows = BadRowPolicy.fail
  public var leaks = LeakPolicy.refuse

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] = [
    .option(
      "corpus", \.corpus, .text, help: "A corpus to cut into sets by a hash of the prompts."),
    .option(
      "train", \.train, .text,
      help: "The documents to train on, when each set is a file of its own."),
    .option(
      "validation", \.validation, .text, help: "The documents that decide when training ends."),
    .option("test", \.test, .text, help: "The documents that only evaluation reads."),
    .option(
      "validation-share", \.validationShare, .belowOne,
      help: "With --corpus, the share of the prompts that is validated on."),
    .option(
      "test-share", \.testShare, .belowOne,
      help: "With --corpus, the share of the prompts that is tested on."),
    .option(
      "format", \.format,
      help: "jsonl, json or text; the file's name and first byte say it otherwise."),
    .option(
      "fields", \.fields, .text,
      help: "Names of a row's fields, as prompt=instruction,response=output."),
    .option("bad-rows", \.badRows, help: "A row that can't be used: fail, or skip and count it."),
    .option(
      "leaks", \.leaks,
      help: "A prompt in two sets: refuse, or drop it from all but the most held-out one."),
  ]

  /// The corpus that the options name.
  func splitCorpus(seed: UInt64) throws -> SplitCorpus {
    let fields = try fields.map(FieldNames.init(parsing:))
    func open(_ path: String) throws -> Corpus {
      try Corpus(path, form: format?.form, fields: fields)
    }
    switch (corpus, train) {
    case (let corpus?, nil):
      guard validation == nil, test == nil else {
        throw CorpusError.badOption("--validation and --test go with --train, not with --corpus")
      }
      let split = try HashSplit(seed: seed, validation: validationShare, test: testShare)
      return .hashed(try open(corpus), split)
    case (nil, let train?):
      return .files(
        train: try open(train), validation: try validation.map(open), test: try test.map(open),
        leaks: leaks)
    default:
      throw CorpusError.badOption(
        "name the documents: --corpus FILE, or --train FILE with --validation and --test")
    }
  }
}
