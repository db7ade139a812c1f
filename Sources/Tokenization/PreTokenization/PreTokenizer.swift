/// Cuts text into the words that byte pairs are merged within.
///
/// Each case is a regular expression written out as a scanner; the expression stands beside its
/// scanner. Every scanner covers the text without gaps and in time linear in its length.
enum PreTokenizer: String, Sendable {
  case gpt2
  case qwen2
  /// Digits one by one, then GPT-2 within what lies between them.
  case smollm

  /// Calls `body` with the byte range of each word of `text`, in order. `text` is UTF-8.
  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    switch self {
    case .gpt2:
      GPT2Scanner(scanner: ScalarScanner(text)).forEachWord(in: 0..<text.count, body)
    case .qwen2:
      Qwen2Scanner(scanner: ScalarScanner(text)).forEachWord(body)
    case .smollm:
      let scanner = ScalarScanner(text)
      let words = GPT2Scanner(scanner: scanner)
      var start = 0
      var position = 0
      while position < text.count {
        let (isDigit, next) = (
          scanner.class(at: position).contains(.digit), scanner.after(position)
        )
        if isDigit {
          words.forEachWord(in: start..<position, body)
          body(position..<next)
          start = next
        }
        position = next
      }
      words.forEachWord(in: start..<text.count, body)
    }
  }
}

/// The classes of a text's scalars, found by byte offset.
struct ScalarScanner {
  let text: [UInt8]
  private let basicPlane = ScalarClass.basicPlane

  init(_ text: [UInt8]) { self.text = text }

  func `class`(at position: Int) -> ScalarClass {
    let scalar = UTF8Text.scalar(in: text, at: position).scalar
    return scalar.value < basicPlane.count
      ? basicPlane[Int(scalar.value)] : ScalarClass(scalar)
  }

  /// The offset of the next scalar.
  func after(_ position: Int) -> Int {
    position + UTF8Text.scalar(in: text, at: position).length
  }

  /// The offset of the first scalar in `start..<end` that `isMember` rejects, or `end`.
  func end(of start: Int, to end: Int, where isMember: (ScalarClass) -> Bool) -> Int {
    var position = start
    while position < end, isMember(self.class(at: position)) { position = after(position) }
    return position
  }

  /// Where the white space that begins at `start` ends as a word, `\s+(?!\S)|\s+`: a scalar
  /// short of the run when something follows it, which that last scalar is left for.
  func endOfSpace(from start: Int, run: Int, end: Int) -> Int {
    guard run < end else { return run }
    let last = run - UTF8Text.scalar(in: text, before: run).length
    return last > start ? last : run
  }
}
