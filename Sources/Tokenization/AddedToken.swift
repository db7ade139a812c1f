/// A token that is matched in the text as a whole, before anything else splits it.
public struct AddedToken: Sendable, Equatable {
  public let id: Int32

  /// Its text, UTF-8.
  public let content: [UInt8]

  /// Special tokens are markup. They are matched only where the caller asks for it, so that text
  /// which merely spells one stays text.
  public let isSpecial: Bool

  /// Not matched next to a word character.
  public let isSingleWord: Bool

  /// White space to its left, or right, becomes part of it.
  public let stripsLeft: Bool
  public let stripsRight: Bool

  /// Matched in the normalised text rather than in the text as given.
  public let isNormalized: Bool

  public init(
    id: Int32, content: [UInt8], isSpecial: Bool, isSingleWord: Bool = false,
    stripsLeft: Bool = false, stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }

  /// The same, matched in the normalised text.
  var normalized: AddedToken {
    AddedToken(
      id: id, content: content, isSpecial: isSpecial, isSingleWord: isSingleWord,
      stripsLeft: stripsLeft, stripsRight: stripsRight, isNormalized: true)
  }

  /// The same, with the white space to its right as a part of it.
  var strippingRight: AddedToken {
    AddedToken(
      id: id, content: content, isSpecial: isSpecial, isSingleWord: isSingleWord,
      stripsLeft: stripsLeft, stripsRight: true, isNormalized: isNormalized)
  }
}
