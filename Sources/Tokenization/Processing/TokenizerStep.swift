/// One step of a `tokenizer.json`'s normalizer, pre-tokenizer, post-processor or decoder.
struct TokenizerStep {
  let type: String
  let fields: FieldReader

  init(_ fields: FieldReader) throws(TokenizerError) {
    type = try fields.string("type") ?? "nameless"
    self.fields = fields
  }

  /// The steps of the section `key`, which is one step or a `Sequence` of them, listed under
  /// `list`. None where it is absent.
  static func all(
    _ root: FieldReader, _ key: String, list: String
  ) throws(TokenizerError) -> [TokenizerStep] {
    guard let section = try root.reader(key) else { return [] }
    let only = try TokenizerStep(section)
    guard only.type == "Sequence" else { return [only] }
    var fields: [FieldReader] = []
    for (index, step) in (try section.array(list) ?? []).enumerated() {
      fields.append(
        try FieldReader(step, file: root.file, path: "\(section.name(list))[\(index)]"))
    }
    var steps: [TokenizerStep] = []
    for step in fields { steps.append(try TokenizerStep(step)) }
    return steps
  }
}
