extension Tokenizer {
  /// The bytes that `ids` stand for, exactly; no clean-up of spaces, and nothing for ids outside
  /// the vocabulary. Where the ids are not those of a whole text the bytes need not be UTF-8.
  public func decode(_ ids: [Int32], skipSpecial: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    for id in ids where !(skipSpecial && isSpecial(id)) { bytes += piece(id) }
    return bytes
  }

  /// The same as text, ill-formed bytes as U+FFFD.
  public func text(_ ids: [Int32], skipSpecial: Bool = false) -> String {
    String(decoding: decode(ids, skipSpecial: skipSpecial), as: UTF8.self)
  }
}
