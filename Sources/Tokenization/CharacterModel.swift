/// A model over characters: one that has no token is unknown, or becomes the tokens of its bytes, `<0x0A>`.
protocol CharacterModel: TokenModel where Encoder: CharacterEncoder {
  /// Whether there are tokens of bytes, and they are used.
  var fallsBack: Bool { get }
}

/// An encoder that says how many unknowns there were.
protocol CharacterEncoder: WordEncoder {
  var unknownCount: Int { get }
}

extension CharacterModel {
  var missingBytes: [UInt8] { [] }

  func piece(of spelling: [UInt8]) -> [UInt8] {
    guard fallsBack, let byte = BytePiece.byte(of: spelling) else { return spelling }
    return [byte]
  }

  func canEncode(_ text: [UInt8], words: any PreTokenizer) -> Bool {
    var encoder = makeEncoder()
    var ids: [Int32] = []
    encoder.encode(text, words: words, into: &ids)
    return encoder.unknownCount == 0
  }
}
