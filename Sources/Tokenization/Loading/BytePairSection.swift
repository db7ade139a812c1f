import ModelFiles

/// The `model` section of a `tokenizer.json`: vocabulary and merges of a byte-level BPE.
struct BytePairSection {
  let listed: [(spelling: [UInt8], id: Int64)]
  let merges: [(left: [UInt8], right: [UInt8])]
  let ignoresMerges: Bool

  init(_ model: FieldReader) throws(TokenizerError) {
    // Files older than the key are BPE when they have merges.
    let type = try model.string("type") ?? (model.value("merges") == nil ? "nameless" : "BPE")
    guard type == "BPE" else {
      throw .unsupported(
        file: model.file, item: "model.type", found: type, advice: "use a byte-level BPE tokenizer")
    }
    try Self.refuseVariants(model)
    listed = try Self.vocabulary(model)
    merges = try Self.merges(model)
    ignoresMerges = try model.bool("ignore_merges") ?? false
    try Self.checkUnknown(model, listed: listed)
  }

  private static func refuseVariants(_ model: FieldReader) throws(TokenizerError) {
    switch model.value("dropout") {
    case nil, .integer(0)?, .number(0)?: break
    case let dropout?:
      throw .unsupported(
        file: model.file, item: "model.dropout", found: dropout.summary,
        advice: "set it to null: encoding would be random")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try model.string(key), !affix.isEmpty {
        throw .unsupported(
          file: model.file, item: model.name(key), found: quoted(affix),
          advice: "use a byte-level BPE tokenizer")
      }
    }
  }

  /// `byte_fallback` and `unk_token` speak only where a byte has no token.
  private static func checkUnknown(
    _ model: FieldReader, listed: [(spelling: [UInt8], id: Int64)]
  ) throws(TokenizerError) {
    let fallsBack = try model.bool("byte_fallback") ?? false
    let unknown = try model.string("unk_token")
    guard fallsBack || unknown != nil else { return }
    let known = Set(listed.lazy.map(\.spelling).filter { $0.count <= 2 })
    let missing = ByteAlphabet.spellings.indices.first {
      UTF8Text.occurs(UInt8($0)) && !known.contains(ByteAlphabet.spellings[$0])
    }
    guard let missing else { return }
    throw .unsupported(
      file: model.file, item: fallsBack ? "model.byte_fallback" : "model.unk_token",
      found: "set while byte \(missing) has no token", advice: "use a byte-level BPE tokenizer")
  }

  private static func vocabulary(
    _ model: FieldReader
  ) throws(TokenizerError) -> [(spelling: [UInt8], id: Int64)] {
    let value = try model.required("vocab")
    guard case .object(let object) = value else {
      throw model.mismatch("vocab", "an object of tokens and ids", value)
    }
    var listed: [(spelling: [UInt8], id: Int64)] = []
    listed.reserveCapacity(object.count)
    for (token, value) in object.members {
      guard case .integer(let id) = value else {
        throw .malformed(
          file: model.file, item: "model.vocab[\(quoted(token))]", expected: "an id",
          found: value.kind)
      }
      listed.append((Array(token.utf8), id))
    }
    return listed
  }

  private static func merges(
    _ model: FieldReader
  ) throws(TokenizerError) -> [(left: [UInt8], right: [UInt8])] {
    let value = try model.required("merges")
    guard case .array(let values) = value else {
      throw model.mismatch("merges", "an array of pairs", value)
    }
    var merges: [(left: [UInt8], right: [UInt8])] = []
    merges.reserveCapacity(values.count)
    for (rank, value) in values.enumerated() {
      switch value {
      case .array(let pair) where pair.count == 2:
        guard case .string(let left) = pair[0], case .string(let right) = pair[1] else { break }
        merges.append((Array(left.utf8), Array(right.utf8)))
        continue
      case .string(let text):
        if rank == 0, text.utf8.starts(with: "#version".utf8) { continue }
        guard let pair = MergeText.pair(Array(text.utf8)) else { break }
        merges.append(pair)
        continue
      default: break
      }
      throw .malformed(
        file: model.file, item: "model.merges[\(rank)]", expected: "two tokens",
        found: value.summary)
    }
    return merges
  }
}

/// Merges as one line of text: two tokens with a space between them.
enum MergeText {
  static func pair(_ line: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    return (Array(parts[0]), Array(parts[1]))
  }
}
