/// SentencePiece's precompiled normalisation: which beginnings of a text become what.
///
/// The keys are a double array (Aoe 1989) as Darts-clone packs it: a node's child for a byte is at
/// the node's offset XOR the byte, and holds that byte as its label; a key's end has a leaf with
/// the place of its replacement. The longest key that the text begins with is replaced, and where
/// there is none a character stays.
///
/// Layout: the double array's size in bytes, its units, and the replacements, each ended by a zero
/// byte; integers are 32 bits wide, little-endian.
struct Charsmap: Sendable, Equatable {
  /// The map as files have it.
  let blob: [UInt8]
  private let units: [UInt32]
  /// Where the replacements begin in `blob`.
  private let start: Int
  /// The bytes that a key may begin with: most text has none.
  private let isFirst: [Bool]

  /// Reads a map that may be hostile: nil where it is none. What is read never leads out of the
  /// map, around in a circle, or to text that is not UTF-8.
  init?(_ blob: [UInt8]) {
    func word(at position: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(blob[position + $1]) << UInt32(8 * $1) }
    }
    guard blob.count >= 4 else { return nil }
    let size = Int(word(at: 0))
    guard size % 4 == 0, size >= 4, size <= blob.count - 4 else { return nil }
    self.blob = blob
    let units = (0..<size / 4).map { word(at: 4 + 4 * $0) }
    self.units = units
    start = 4 + size
    guard CharsmapCheck(units: units, replacements: blob[start...]).isSound else { return nil }
    let root = Self.offset(units[0])
    isFirst = (0...UInt8.max).map { Self.child(of: root, $0, units) != nil }
  }

  func normalized(_ text: [UInt8]) -> [UInt8] {
    var normalized: [UInt8] = []
    normalized.reserveCapacity(text.count + text.count / 8)
    var position = 0
    while position < text.count {
      if isFirst[Int(text[position])], let (key, replacement) = longestKey(in: text, at: position) {
        normalized += replacement
        position = key
      } else {
        let end = min(position + UTF8Text.scalar(in: text, at: position).length, text.count)
        normalized += text[position..<end]
        position = end
      }
    }
    return normalized
  }

  /// The end of the longest key that the text has at `start`, and what it becomes.
  private func longestKey(
    in text: [UInt8], at start: Int
  ) -> (end: Int, replacement: ArraySlice<UInt8>)? {
    var node = Self.offset(units[0])
    var best: (end: Int, place: UInt32)?
    for position in start..<text.count {
      guard let unit = Self.child(of: node, text[position], units) else { break }
      node = unit.node
      if let place = unit.place { best = (position + 1, place) }
    }
    guard let best else { return nil }
    let replacement = blob[(self.start + Int(best.place))...].prefix { $0 != 0 }
    return (best.end, replacement)
  }

  // MARK: - The double array

  /// The child of the node whose children are at `node`, for `byte`: where its own children are, and
  /// the place of the replacement where a key ends with it.
  fileprivate static func child(
    of node: UInt32, _ byte: UInt8, _ units: [UInt32]
  ) -> (node: UInt32, place: UInt32?)? {
    let index = node ^ UInt32(byte)
    // A zero byte is in no key: it ends them.
    guard byte != 0, index < units.count else { return nil }
    let unit = units[Int(index)]
    // A leaf has the highest bit set, so that it has no byte's label.
    guard unit & 0x8000_00FF == UInt32(byte) else { return nil }
    let next = index ^ offset(unit)
    guard (unit >> 8) & 1 == 1 else { return (next, nil) }
    guard next < units.count else { return nil }
    return (next, units[Int(next)] & 0x7FFF_FFFF)
  }

  fileprivate static func offset(_ unit: UInt32) -> UInt32 {
    (unit >> 10) << ((unit >> 6) & 8)
  }
}

/// Looks through a double array for what would lead a reader astray.
private struct CharsmapCheck {
  let units: [UInt32]
  let replacements: ArraySlice<UInt8>
  /// Keys are characters with marks; a map that has longer ones would make reading slow.
  private static let longestKey = 255

  init(units: [UInt32], replacements: ArraySlice<UInt8>) {
    self.units = units
    self.replacements = replacements
  }

  /// Whether every key ends, within the length that keys have, and becomes well-formed text.
  ///
  /// Keys share nodes where they end alike, so that nodes are counted once: each with the longest
  /// way on from it.
  var isSound: Bool {
    guard !replacements.isEmpty, replacements.last == 0 else { return false }
    /// The longest way on by node: -1 while it is being looked for.
    var lengths: [UInt32: Int] = [:]
    var sound: Set<UInt32> = []
    var stack: [(node: UInt32, byte: Int, length: Int)] = [(Charsmap.offset(units[0]), 0, 0)]
    lengths[stack[0].node] = -1
    while var top = stack.popLast() {
      guard top.byte <= 255 else {
        lengths[top.node] = top.length
        if let parent = stack.indices.last {
          stack[parent].length = max(stack[parent].length, top.length + 1)
          guard stack[parent].length <= Self.longestKey else { return false }
        }
        continue
      }
      let byte = UInt8(top.byte)
      top.byte += 1
      guard let child = Charsmap.child(of: top.node, byte, units) else {
        stack.append(top)
        continue
      }
      if let place = child.place, sound.insert(place).inserted, !isText(at: place) { return false }
      switch lengths[child.node] {
      case nil:
        lengths[child.node] = -1
        stack.append(top)
        stack.append((child.node, 0, 0))
        guard stack.count <= Self.longestKey else { return false }
      case -1: return false
      case let length?:
        top.length = max(top.length, length + 1)
        stack.append(top)
      }
    }
    return true
  }

  private func isText(at place: UInt32) -> Bool {
    guard Int(place) < replacements.count else { return false }
    let text = replacements.dropFirst(Int(place)).prefix { $0 != 0 }
    return String(validating: text, as: UTF8.self) != nil
  }
}
