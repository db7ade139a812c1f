import ArgumentParser
import Corpora

extension BadRowPolicy: ExpressibleByArgument {}
extension LeakPolicy: ExpressibleByArgument {}

/// A corpus's form, named among those of this program.
struct CorpusFormArgument: ExpressibleByArgument {
  let form: any CorpusForm

  init?(argument: String) {
    guard let form = CorpusForms.builtIn.named(argument) else { return nil }
    self.form = form
  }

  var defaultValueDescription: String { form.name }

  static var allValueStrings: [String] { CorpusForms.builtIn.forms.map(\.name) }
}

/// Which documents, in which sets.
struct CorpusArguments: ParsableArguments {
  @Option(help: "A corpus to cut into sets by a hash of the prompts.")
  var corpus: String?

  @Option(help: "The documents to train on, when each set is a file of its own.")
  var train: String?

  @Option(help: "The documents that decide when training ends.")
  var validation: String?

  @Option(help: "The documents that only evaluation reads.")
  var test: String?

  @Option(help: "With --corpus, the share of the prompts that is validated on.")
  var validationShare = 0.05

  @Option(help: "With --corpus, the share of the prompts that is tested on.")
  var testShare = 0.05

  @Option(help: "jsonl, json or text; the file's name and first byte say it otherwise.")
  var format: CorpusFormArgument?

  @Option(help: "Names of a row's fields, as prompt=instruction,response=output.")
  var fields: String?

  @Option(help: "A row that can't be used: fail, or skip and count it.")
  var badRows = BadRowPolicy.fail

  @Option(help: "A prompt in two sets: refuse, or drop it from all but the most held-out one.")
  var leaks = LeakPolicy.refuse

  init() {}

  /// The corpus that the flags name.
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
