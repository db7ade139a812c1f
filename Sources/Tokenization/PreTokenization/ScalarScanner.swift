/// The classes of a text's scalars, found by byte offset.
struct ScalarScanner {
  let text: [UInt8]
  private let basicPlane = ScalarClass.basicPlane

  init(_ text: [UInt8]) { self.text = text }

  func `class`(at position: Int) -> ScalarClass {
    `class`(of: UTF8Text.scalar(in: text, at: position).scalar)
  }

  private func `class`(of scalar: Unicode.Scalar) -> ScalarClass {
    scalar.value < basicPlane.count ? basicPlane[Int(scalar.value)] : ScalarClass(scalar)
  }

  /// The offset of the next scalar.
  func after(_ position: Int) -> Int {
    position + UTF8Text.scalar(in: text, at: position).length
  }

  /// The offset of the first scalar in `start..<end` that `isMember` rejects, or `end`.
  func end(of start: Int, to end: Int, where isMember: (ScalarClass) -> Bool) -> Int {
    var position = start
    while position < end {
      let (scalar, length) = UTF8Text.scalar(in: text, at: position)
      guard isMember(self.class(of: scalar)) else { break }
      position += length
    }
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
