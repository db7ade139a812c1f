import Foundation

/// Words with a space between them, in lower case where the text was put into it: to be read by
/// people, since which of the spaces the text had is lost.
struct WordPieceDecoder: TokenDecoder {
  static let isExact = false

  static func isWritten(as types: [String]) -> Bool { types == ["WordPiece"] }

  /// What pieces within a word begin with.
  let prefix: [UInt8]
  /// Whether the spaces before punctuation and English contractions are left out.
  let cleansUp: Bool

  init(prefix: [UInt8] = Array("##".utf8), cleansUp: Bool = true) {
    self.prefix = prefix
    self.cleansUp = cleansUp
  }

  init(_ steps: [TokenizerStep]) throws(TokenizerError) {
    let fields = steps[0].fields
    self.init(
      prefix: Array((try fields.string("prefix") ?? "##").utf8),
      cleansUp: try fields.bool("cleanup") ?? true)
  }

  init?(name: String) {
    let (clean, plain) = ("words cleaned ", "words ")
    let cleansUp = name.utf8.starts(with: clean.utf8)
    guard cleansUp || name.utf8.starts(with: plain.utf8) else { return nil }
    self.init(
      prefix: Array(name.utf8.dropFirst(cleansUp ? clean.utf8.count : plain.utf8.count)),
      cleansUp: cleansUp)
  }

  var name: String {
    "words " + (cleansUp ? "cleaned " : "") + String(decoding: prefix, as: UTF8.self)
  }

  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8]) {
    var piece = Array(piece)
    if !isFirst {
      if piece.starts(with: prefix) {
        piece.removeFirst(prefix.count)
      } else {
        piece.insert(UInt8(ascii: " "), at: 0)
      }
    }
    text += cleansUp ? Self.cleaned(piece) : piece
  }

  /// What `tokenizers` replaces within a piece and the space before it, in its order.
  private static let replacements = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ]

  private static func cleaned(_ piece: [UInt8]) -> [UInt8] {
    guard piece.contains(UInt8(ascii: " ")) else { return piece }
    let text = replacements.reduce(String(decoding: piece, as: UTF8.self)) {
      $0.replacingOccurrences(of: $1.0, with: $1.1, options: .literal)
    }
    return Array(text.utf8)
  }
}
