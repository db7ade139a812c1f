extension Tokenizer {
  /// The bytes that `ids` stand for, exactly where the tokenizer ``canWriteText``; nothing for ids
  /// outside the vocabulary. Where the ids are not those of a whole text the bytes need not be
  /// UTF-8.
  public func decode(_ ids: [Int32], skipSpecial: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    var isFirst = true
    for id in ids where !(skipSpecial && isSpecial(id)) {
      append(id, isFirst: &isFirst, to: &bytes)
    }
    return bytes
  }

  /// The same as text, ill-formed bytes as U+FFFD.
  public func text(_ ids: [Int32], skipSpecial: Bool = false) -> String {
    String(decoding: decode(ids, skipSpecial: skipSpecial), as: UTF8.self)
  }

  /// Appends what `id` is in a text. `isFirst` says whether it would be the first token of it, and
  /// is kept up to date.
  func append(_ id: Int32, isFirst: inout Bool, to bytes: inout [UInt8]) {
    guard (0..<vocabularySize).contains(Int(id)) else { return }
    definition.decoder.append(piece(id), isFirst: isFirst, to: &bytes)
    isFirst = false
  }
}
