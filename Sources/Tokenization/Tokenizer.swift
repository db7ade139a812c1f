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
  /// The tokens that a whole word may be whatever the merges say; nil where none may.
  let wholeWords: Vocabulary?
  let rawTokens: AddedTokenMatcher
  let normalizedTokens: AddedTokenMatcher
  /// What every id decodes to: `bytes[offsets[id]..<offsets[id + 1]]`.
  private let bytes: [UInt8]
  private let offsets: [Int]
  private let specialIDs: [[UInt8]: Int32]
  private let isSpecial: [Bool]
  /// Shared by all copies, which are equal.
  let memo = FingerprintMemo()

  /// Checks what no reader of a file has checked yet; errors name `file`.
  init(_ definition: TokenizerDefinition, file: String) throws(TokenizerError) {
    self.definition = definition
    merges = try MergeTable(definition.merges, file: file)
    wholeWords =
      definition.ignoresMerges
      ? try Vocabulary(spellings: definition.spellings, file: file) : nil

    let added = definition.addedTokens
    rawTokens = AddedTokenMatcher(added.filter { !$0.isNormalized }) { $0 }
    normalizedTokens = AddedTokenMatcher(added.filter(\.isNormalized)) {
      definition.normalization.normalized($0)
    }

    var byteTokens = [Int32](repeating: -1, count: 256)
    var pieces: [[UInt8]] = []
    pieces.reserveCapacity(definition.spellings.count)
    for (id, spelling) in definition.spellings.enumerated() {
      let piece = spelling.map(ByteAlphabet.bytes(of:)) ?? []
      if piece.count == 1, spelling == ByteAlphabet.spellings[Int(piece[0])] {
        byteTokens[Int(piece[0])] = Int32(truncatingIfNeeded: id)
      }
      pieces.append(piece)
    }
    self.byteTokens = byteTokens

    let count = pieces.count
    var isSpecial = [Bool](repeating: false, count: count)
    var specialIDs: [[UInt8]: Int32] = [:]
    var contents: Set<[UInt8]> = []
    for token in added {
      guard (0..<count).contains(Int(token.id)), !token.content.isEmpty,
        contents.insert(token.content).inserted
      else {
        throw .malformed(
          file: file, item: "the added token \(quoted(token.content))",
          expected: "a text of its own and an id below \(count)", found: "the id \(token.id)")
      }
      pieces[Int(token.id)] = token.content
      isSpecial[Int(token.id)] = token.isSpecial
      if token.isSpecial { specialIDs[token.content] = token.id }
    }
    self.isSpecial = isSpecial
    self.specialIDs = specialIDs
    for id in definition.endIDs + [definition.beginID, definition.endOfTextID].compactMap(\.self)
    where !(0..<count).contains(Int(id)) {
      throw .malformed(
        file: file, item: "the begin and end tokens", expected: "ids below \(count)",
        found: String(id))
    }
    bytes = Array(pieces.joined())
    offsets = pieces.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
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
