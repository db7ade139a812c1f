/// What can go wrong with a corpus as a whole: one line that a person can act on.
public enum CorpusError: Error, Equatable, Sendable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  /// Nothing in the file says how to read it.
  case unknownForm(file: String, known: [String])
  /// No row at all, or none but bad ones; `reasons` counts those.
  case empty(file: String, reasons: String)
  /// A bad row where bad rows are fatal.
  case badRow(BadRow)
  /// Prompts occur in a file to train on and in one held out.
  case leak(count: Int, example: SplitLeak)
  case badFractions(validation: Double, test: Double)
  case badOption(String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "can't read \(file): \(reason)"
    case .unknownForm(let file, let known):
      "can't tell the format of \(file): name it .jsonl, .json or .txt, or give --format \(known.joined(separator: "|"))"
    case .empty(let file, let reasons):
      reasons.isEmpty ? "\(file) has no rows" : "\(file) has no usable row: \(reasons)"
    case .badRow(let row):
      "\(row); --bad-rows skip goes on without such rows and counts them"
    case .leak(let count, let example):
      "\(count) prompts are in more than one set, as the one of \(example.kept) and \(example.dropped): "
        + "remove them, or drop them from training with --leaks drop"
    case .badFractions(let validation, let test):
      "validation \(validation) and test \(test) are not fractions that leave something to train on"
    case .badOption(let text):
      text
    }
  }
}
