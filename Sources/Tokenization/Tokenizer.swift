/// A tokenizer: text to token ids and back.
///
/// Text is normalised and cut into words, and a model, byte-pair encoding, unigram or WordPiece, makes
/// tokens of each. What a tokenizer is made of stands in its file; ``TokenizerRegistry`` has the kinds
/// that are known.
///
/// Where it ``canWriteText``, every byte the vocabulary knows survives a round trip: decoding the
/// ids of a text gives the text, normalised as the tokenizer normalises (form C for Qwen2). See
/// ``missingBytes`` for the bytes a vocabulary may lack.
public struct Tokenizer: Sendable {
  let definition: TokenizerDefinition
  let rawTokens: AddedTokenMatcher
  let normalizedTokens: AddedTokenMatcher
  /// What every id's piece is: `bytes[offsets[id]..<offsets[id + 1]]`.
  private let bytes: [UInt8]
  private let offsets: [Int]
  private let specialIDs: [[UInt8]: Int32]
  private let isSpecial: [Bool]
  /// Shared by all copies, which are equal.
  let memo = FingerprintMemo()

  /// Checks what no reader of a file has checked yet; errors name `file`.
  init(_ definition: TokenizerDefinition, file: String) throws(TokenizerError) {
    self.definition = definition
    let added = definition.addedTokens
    rawTokens = AddedTokenMatcher(added.filter { !$0.isNormalized }) { $0 }
    normalizedTokens = AddedTokenMatcher(added.filter(\.isNormalized)) {
      definition.normalizer.normalized($0)
    }

    var pieces = definition.model.spellings.map { spelling in
      spelling.map { definition.model.piece(of: $0) } ?? []
    }
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
    let frame = definition.frame
    let named = [frame.beginID, frame.closingID, definition.endOfTextID].compactMap(\.self)
    for id in definition.endIDs + named
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

  /// The token that ``encode(_:special:framed:)`` puts before a text, nil where this tokenizer
  /// puts none (GPT-2, Qwen2 and SmolLM2 do not; BERT puts `[CLS]`).
  public var beginID: Int32? { definition.frame.beginID }

  /// The token that it puts after a text, nil where it puts none (BERT puts `[SEP]`). It belongs
  /// to what a model reads: what a model writes ends with ``endOfTextID``.
  public var closingID: Int32? { definition.frame.closingID }

  /// Whether decoding the ids of a text gives that text, so that what a model answers in them can
  /// be read. WordPiece knows neither case nor spaces: ``text(_:skipSpecial:)`` gives a form for
  /// people, and a generator needs a tokenizer of its own.
  ///
  /// SentencePiece's tokenizers can: a space goes before a text and is taken away again. Only U+2581,
  /// as which they write spaces, comes back as a space, and where a file says `Metaspace` a text
  /// that begins with a space loses it. A response is a text of its own in this, too.
  public var canWriteText: Bool {
    let addsSpace = definition.normalizer.addsSpace || definition.preTokenizer.addsSpace
    return type(of: definition.decoder).isExact && definition.normalizer.keepsSpaces
      && definition.decoder.stripsSpace == addsSpace
  }

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
  public var missingBytes: [UInt8] { definition.model.missingBytes }

  /// The id of a special token by its text, as templates name it.
  public func specialID(_ text: String) -> Int32? { specialIDs[Array(text.utf8)] }

  /// The added token with this id, nil where none has it.
  func addedToken(_ id: Int32) -> AddedToken? { definition.addedTokens.first { $0.id == id } }

  /// Whether `id` is a special token's.
  public func isSpecial(_ id: Int32) -> Bool {
    isSpecial.indices.contains(Int(id)) && isSpecial[Int(id)]
  }

  /// The bytes that `id` stands for, which need not be whole characters, or in WordPiece and
  /// SentencePiece its spelling; none for an id outside the vocabulary.
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
