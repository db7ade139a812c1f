import ModelFiles

/// A unigram vocabulary as a file says it: tokens with their scores, by id.
struct UnigramSection: TokenModelSection {
  let listed: [(spelling: [UInt8], id: Int64)]
  let scores: [Double]
  let settings: UnigramModel.Settings

  init(
    listed: [(spelling: [UInt8], id: Int64)], scores: [Double], settings: UnigramModel.Settings
  ) {
    self.listed = listed
    self.scores = scores
    self.settings = settings
  }

  /// The `model` section of a `tokenizer.json`.
  init(_ model: FieldReader) throws(TokenizerError) {
    guard let values = try model.array("vocab") else {
      throw .missing(file: model.file, item: model.name("vocab"))
    }
    var listed: [(spelling: [UInt8], id: Int64)] = []
    var scores: [Double] = []
    for (id, value) in values.enumerated() {
      guard case .array(let pair) = value, pair.count == 2, case .string(let token) = pair[0],
        let score = pair[1].double
      else {
        throw .malformed(
          file: model.file, item: "model.vocab[\(id)]", expected: "a token and its score",
          found: value.summary)
      }
      listed.append((Array(token.utf8), Int64(id)))
      scores.append(score)
    }
    self.listed = listed
    self.scores = scores
    settings = UnigramModel.Settings(
      unknownID: try model.tokenID("unk_id"), fallsBack: try model.bool("byte_fallback") ?? false)
  }

  /// Added tokens that the file lists among the others stay there: the places are the ids.
  func model(
    over vocabulary: Vocabulary, added: [AddedToken], file: String
  ) throws(TokenizerError) -> any TokenModel {
    let spellings = vocabulary.spellings
    let missing = max(0, spellings.count - scores.count)
    return try UnigramModel(
      spellings: spellings,
      scores: scores.prefix(spellings.count) + [Double](repeating: 0, count: missing),
      settings: settings, added: added, file: file)
  }
}

extension JSONValue {
  /// A number of either kind.
  var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
