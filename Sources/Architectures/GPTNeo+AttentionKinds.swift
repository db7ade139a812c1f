import ModelFiles

extension GPTNeo {
  /// `attention_layers`, or `attention_types` written out; where both are, they must agree.
  static func attentionKinds(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws(ModelFileError) -> [AttentionKind] {
    let listed = try reader.strings("attention_layers")
    let typed = try attentionTypes(reader, layerCount: layerCount)
    if let listed, let typed, listed != typed {
      throw .malformed(
        file: reader.file, item: "attention_layers", expected: "what attention_types says",
        found: "other kinds")
    }
    guard let names = listed ?? typed else { throw reader.missing("attention_types") }
    return try names.map { (name) throws(ModelFileError) in
      guard let kind = AttentionKind(rawValue: name) else {
        throw reader.unsupported(
          "attention_types", .string(name), supported: "global and local layers")
      }
      return kind
    }
  }

  /// `[[["global", "local"], 6]]` means global and local, six times over.
  private static func attentionTypes(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws(ModelFileError) -> [String]? {
    guard let value = reader.value("attention_types") else { return nil }
    let malformed = ModelFileError.malformed(
      file: reader.file, item: "attention_types",
      expected: "lists of kinds with their repetitions, \(layerCount) layers in all",
      found: value.summary)
    guard case .array(let groups) = value else { throw malformed }
    var names: [String] = []
    for group in groups {
      guard case .array(let pair) = group, pair.count == 2, case .array(let kinds) = pair[0],
        case .integer(let repetitions) = pair[1], repetitions >= 0, !kinds.isEmpty,
        repetitions <= (layerCount - names.count) / kinds.count
      else { throw malformed }
      for _ in 0..<repetitions {
        for kind in kinds {
          guard case .string(let name) = kind else { throw malformed }
          names.append(name)
        }
      }
    }
    guard names.count == layerCount else { throw malformed }
    return names
  }
}
