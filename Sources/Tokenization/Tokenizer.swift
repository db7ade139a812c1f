/// A byte-level BPE tokenizer: text to token ids and back.
///
/// Every byte the vocabulary knows survives a round trip: decoding the ids of a text gives the
/// text, normalised as the tokenizer normalises (form C for Qwen2). See ``missingBytes`` for the
/// bytes a vocabulary may lack.
public struct Tokenizer: Sendable {
  let definition: TokenizerDefinition
  let merges: MergeTable
  /// The token of each byte, -1 where there is none.
  let byteTokens: [Int32]
  let rawTokens: AddedTokenMatcher
  let normalizedTokens: AddedTokenMatcher
  /// What every id decodes to: `bytes[offsets[id]..<offsets[id + 1]]`.
  private let bytes: [UInt8]
  private let offsets: [Int]
  private let specialIDs: [[UInt8]: Int32]
  private let isSpecial: [Bool]

  /// Checks what no reader of a file has checked yet; errors name `file`.
  init(_ definition: TokenizerDefinition, file: String) throws(TokenizerError) {
    let vocabulary = definition.vocabulary
    self.definition = definition
    merges = try Self.mergeTable(definition, file: file)
    byteTokens = ByteAlphabet.spellings.map { vocabulary.id(of: $0) ?? -1 }

    let added = definition.addedTokens
    rawTokens = AddedTokenMatcher(added.filter { !$0.isNormalized }) { $0 }
    normalizedTokens = AddedTokenMatcher(added.filter(\.isNormalized)) {
      definition.normalization.normalized($0)
    }

    var pieces = vocabulary.spellings.map { $0.map(ByteAlphabet.bytes(of:)) ?? [] }
    var isSpecial = [Bool](repeating: false, count: pieces.count)
    var specialIDs: [[UInt8]: Int32] = [:]
    var contents: Set<[UInt8]> = []
    for token in added {
      guard pieces.indices.contains(Int(token.id)), !token.content.isEmpty,
        contents.insert(token.content).inserted
      else {
        throw .malformed(
          file: file, item: "the added token \(quoted(token.content))",
          expected: "a text of its own and an id below \(pieces.count)", found: "the id \(token.id)")
      }
      pieces[Int(token.id)] = token.content
      isSpecial[Int(token.id)] = token.isSpecial
      if token.isSpecial { specialIDs[token.content] = token.id }
    }
    var bytes: [UInt8] = []
    var offsets = [0]
    offsets.reserveCapacity(pieces.count + 1)
    for piece in pieces {
      bytes += piece
      offsets.append(bytes.count)
    }
    self.bytes = bytes
    self.offsets = offsets
    self.isSpecial = isSpecial
    self.specialIDs = specialIDs
    for id in [definition.beginID, definition.endOfTextID].compactMap({ $0 }) + definition.endIDs {
      guard pieces.indices.contains(Int(id)) else {
        throw .malformed(
          file: file, item: "the begin and end tokens", expected: "ids below \(pieces.count)",
          found: String(id))
      }
    }
  }

  private static func mergeTable(
    _ definition: TokenizerDefinition, file: String
  ) throws(TokenizerError) -> MergeTable {
    let vocabulary = definition.vocabulary
    var results: [Int32] = []
    results.reserveCapacity(definition.merges.count)
    for (rank, merge) in definition.merges.enumerated() {
      guard vocabulary.spellings.indices.contains(Int(merge.left)),
        vocabulary.spellings.indices.contains(Int(merge.right)),
        let left = vocabulary.spellings[Int(merge.left)],
        let right = vocabulary.spellings[Int(merge.right)]
      else {
        throw .malformed(
          file: file, item: "merge \(rank)", expected: "tokens of the vocabulary",
          found: "the ids \(merge.left) and \(merge.right)")
      }
      guard let result = vocabulary.id(of: left + right) else {
        throw .malformed(
          file: file, item: "merge \(rank)", expected: "a token that it makes",
          found: "no \(quoted(left + right)) in the vocabulary")
      }
      results.append(result)
    }
    var repeated = 0
    guard
      let table = MergeTable(merges: definition.merges, results: results, repeated: &repeated)
    else {
      throw .malformed(
        file: file, item: "merge \(repeated)", expected: "every merge once", found: "it again")
    }
    return table
  }

  // MARK: - What it is

  /// How many ids there are: 0..<vocabularySize. A model's output may be wider; what is beyond
  /// decodes to nothing.
  public var vocabularySize: Int { offsets.count - 1 }

  /// The token that ``encode(_:special:addBegin:)`` puts before a text, nil where this tokenizer
  /// puts none (GPT-2, Qwen2 and SmolLM2 do not).
  public var beginID: Int32? { definition.beginID }

  /// The token that a response ends with: end of text, or of the turn in chat models.
  public var endOfTextID: Int32? { definition.endOfTextID }

  /// All tokens at which generation stops: end of text and end of turn.
  public var endIDs: Set<Int32> { Set(definition.endIDs) }

  /// The chat template, recognised by what the file says; nil where there is none or it is not
  /// known. ``template(named:)`` tells the two apart.
  public var chatTemplate: ChatTemplate? { definition.template }

  /// All added tokens by id, special ones among them.
  public var addedTokens: [AddedToken] { definition.addedTokens }

  /// The bytes that no token stands for. Encoding leaves them out, as the reference
  /// implementations do: SmolLM2 lacks six control characters, and the lead bytes of planes 4 to
  /// 11, which Unicode has not assigned.
  public var missingBytes: [UInt8] {
    byteTokens.indices.filter { byteTokens[$0] < 0 }.map { UInt8($0) }
  }

  /// The id of a special token by its text, as templates name it.
  public func specialID(_ text: String) -> Int32? { specialIDs[Array(text.utf8)] }

  /// Whether `id` is a special token's.
  public func isSpecial(_ id: Int32) -> Bool {
    isSpecial.indices.contains(Int(id)) && isSpecial[Int(id)]
  }

  /// The bytes that `id` stands for, which need not be whole characters; none for an id outside
  /// the vocabulary.
  public func piece(_ id: Int32) -> ArraySlice<UInt8> {
    guard (0..<vocabularySize).contains(Int(id)) else { return [] }
    return bytes[offsets[Int(id)]..<offsets[Int(id) + 1]]
  }

  /// The chat template called `name`, or the file's own where `name` is nil.
  public func template(named name: String? = nil) throws(TokenizerError) -> ChatTemplate {
    if let name { return try ChatTemplate.named(name) }
    guard let template = definition.template else {
      throw .unrecognizedTemplate(sha256: definition.templateSHA256)
    }
    return template
  }
}
