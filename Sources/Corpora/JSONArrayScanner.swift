/// Cuts a JSON array into its elements' bytes, without holding more than one of them. What an
/// element is, is left to who decodes it: this looks at brackets, strings and commas alone.
struct JSONArrayScanner {
  enum Element {
    case bytes([UInt8], line: Int)
    case tooManyBytes(line: Int)
    /// The array is not one: nothing after this can be told apart.
    case broken(String, line: Int)
  }

  private enum State {
    case start, first, afterElement, afterArray, stopped
  }

  /// Bytes of an element.
  let limit: Int
  private var state = State.start

  init(limit: Int) {
    self.limit = limit
  }

  /// The next element; `nil` after the last, or after a broken one.
  mutating func next(_ stream: inout ByteStream) throws(CorpusError) -> Element? {
    while state != .stopped {
      let byte = try skipSpace(&stream)
      switch (state, byte) {
      case (.afterArray, nil):
        return nil
      case (.afterArray, _):
        return stop("something follows the array", stream.line)
      case (.start, UInt8(ascii: "[")):
        _ = try stream.next()
        state = .first
      case (.start, _):
        return stop("it doesn't begin with [", stream.line)
      case (_, nil):
        return stop("the file ends inside the array", stream.line)
      case (_, UInt8(ascii: "]")):
        _ = try stream.next()
        state = .afterArray
      case (.first, _):
        return try element(&stream)
      case (_, UInt8(ascii: ",")):
        _ = try stream.next()
        _ = try skipSpace(&stream)
        return try element(&stream)
      default:
        return stop("a comma is missing", stream.line)
      }
    }
    return nil
  }

  /// Reads an object or list to its closing bracket, and anything else up to a comma or the array's
  /// end.
  private mutating func element(_ stream: inout ByteStream) throws(CorpusError) -> Element? {
    let line = stream.line
    var bytes: [UInt8] = []
    var overflow = false
    var depth = 0
    var inString = false
    var escaped = false
    while let byte = try stream.peek() {
      var closes = false
      if inString {
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
      } else {
        switch byte {
        case UInt8(ascii: "\""):
          inString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          if depth == 0 { return finish(bytes, overflow, line) }
          depth -= 1
          closes = depth == 0
        case UInt8(ascii: ",") where depth == 0:
          return finish(bytes, overflow, line)
        default:
          break
        }
      }
      if bytes.count < limit { bytes.append(byte) } else { overflow = true }
      _ = try stream.next()
      if closes { return finish(bytes, overflow, line) }
    }
    return stop("the file ends inside an element", line)
  }

  private mutating func finish(_ bytes: [UInt8], _ overflow: Bool, _ line: Int) -> Element {
    state = .afterElement
    return overflow ? .tooManyBytes(line: line) : .bytes(bytes, line: line)
  }

  private mutating func stop(_ reason: String, _ line: Int) -> Element {
    state = .stopped
    return .broken(reason, line: line)
  }

  private func skipSpace(_ stream: inout ByteStream) throws(CorpusError) -> UInt8? {
    while let byte = try stream.peek() {
      guard [0x20, 0x09, 0x0A, 0x0D].contains(byte) else { return byte }
      _ = try stream.next()
    }
    return nil
  }
}
