import ModelFiles

/// A vocabulary's spellings, to be looked up while a tokenizer is made.
///
/// Spellings are compared as bytes. Keyed by String, two tokens that are canonically equivalent
/// Unicode would be one.
struct Vocabulary: Sendable {
  /// By id, UTF-8. Nil where only an added token is.
  let spellings: [[UInt8]?]
  private let ids: [Key: Int32]

  private struct Key: Hashable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  init(spellings: [[UInt8]?], file: String) throws(TokenizerError) {
    var ids: [Key: Int32] = [:]
    ids.reserveCapacity(spellings.count)
    for (id, spelling) in spellings.enumerated() {
      guard let spelling else { continue }
      if let other = ids.updateValue(Int32(id), forKey: Key(bytes: spelling)) {
        throw .malformed(
          file: file, item: "the token \(quoted(spelling))", expected: "one id",
          found: "\(other) and \(id)")
      }
    }
    self.spellings = spellings
    self.ids = ids
  }

  func id(of spelling: [UInt8]) -> Int32? { ids[Key(bytes: spelling)] }

  /// The merge of two tokens into the one that their spellings make together; `rank` names it in
  /// errors.
  func merge(
    _ left: Int32, _ right: Int32, rank: Int, file: String
  ) throws(TokenizerError) -> MergeTable.Merge {
    guard spellings.indices.contains(Int(left)), spellings.indices.contains(Int(right)),
      let leftSpelling = spellings[Int(left)], let rightSpelling = spellings[Int(right)]
    else {
      throw .malformed(
        file: file, item: "merge \(rank)", expected: "tokens of the vocabulary",
        found: "the ids \(left) and \(right)")
    }
    guard let result = id(of: leftSpelling + rightSpelling) else {
      throw .malformed(
        file: file, item: "merge \(rank)", expected: "a token that it makes",
        found: "no \(quoted(leftSpelling + rightSpelling)) in the vocabulary")
    }
    return MergeTable.Merge(left: left, right: right, result: result)
  }

  /// The vocabulary with ids 0..<count in their places, out of what a file lists in any order.
  /// `gaps` are the ids that need no spelling because added tokens have them.
  init(
    _ listed: [(spelling: [UInt8], id: Int64)], gaps: Set<Int32>, file: String
  ) throws(TokenizerError) {
    // Every id has a spelling or is an added token's, so the ids cannot reach past their number.
    let limit = listed.count + gaps.count
    var spellings = [[UInt8]?](repeating: nil, count: limit)
    for (spelling, id) in listed {
      guard let index = Int(exactly: id), (0..<limit).contains(index) else {
        throw .malformed(
          file: file, item: "the token \(quoted(spelling))", expected: "an id below \(limit)",
          found: String(id))
      }
      guard spellings[index] == nil else {
        throw .malformed(
          file: file, item: "the id \(id)", expected: "one token",
          found: "\(quoted(spellings[index] ?? [])) and \(quoted(spelling))")
      }
      spellings[index] = spelling
    }
    while spellings.last == .some(nil),
      !gaps.contains(Int32(truncatingIfNeeded: spellings.count - 1))
    {
      spellings.removeLast()
    }
    for (id, spelling) in spellings.enumerated()
    where spelling == nil && !gaps.contains(Int32(truncatingIfNeeded: id)) {
      throw .malformed(
        file: file, item: "the id \(id)", expected: "a token", found: "a hole in the vocabulary")
    }
    try self.init(spellings: spellings, file: file)
  }

  /// The vocabulary that the serialized form lists by id under `tokens`.
  init(serialized root: FieldReader, added: [AddedToken]) throws(TokenizerError) {
    var spellings: [[UInt8]?] = []
    for value in try root.array("tokens") ?? [] {
      switch value {
      case .string(let text): spellings.append(Array(text.utf8))
      case .null: spellings.append(nil)
      default: throw root.mismatch("tokens", "strings and nulls", value)
      }
    }
    let addedIDs = Set(added.map(\.id))
    for (id, spelling) in spellings.enumerated()
    where spelling == nil && !addedIDs.contains(Int32(truncatingIfNeeded: id)) {
      throw .malformed(
        file: root.file, item: "tokens[\(id)]", expected: "a token", found: "null")
    }
    try self.init(spellings: spellings, file: root.file)
  }
}
