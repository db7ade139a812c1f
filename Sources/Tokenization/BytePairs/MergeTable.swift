/// The merges of a vocabulary: which pairs of tokens join, in what order, and into what.
///
/// An open-addressing hash table over 64-bit pairs. Merging asks it several times for every byte
/// of a corpus, which is why it is not a Dictionary: no hashing of bytes, no retains, one probe.
struct MergeTable: Sendable {
  struct Merge: Sendable, Equatable {
    let left: Int32
    let right: Int32
    /// What they become.
    let result: Int32
  }

  /// In the order of their rank: the lower is applied first.
  let merges: [Merge]

  /// Places in ``merges`` by slot, `none` where the slot is free. Never more than half full.
  private var slots: [UInt32]
  private let mask: Int
  /// Where each merge's group begins; nil where each is a group of its own.
  private let groups: [UInt32]?

  static let none = UInt32.max

  /// Throws when a merge is there twice; `file` names it.
  ///
  /// - Parameter isGrouped: whether neighbours that make the same token have one rank, so that
  ///   their places in the text alone say which comes first.
  init(_ merges: [Merge], isGrouped: Bool = false, file: String) throws(TokenizerError) {
    var capacity = 16
    while capacity < merges.count * 2 { capacity *= 2 }
    self.merges = merges
    groups = isGrouped ? Self.groups(merges) : nil
    slots = [UInt32](repeating: Self.none, count: capacity)
    mask = capacity - 1
    for (rank, merge) in merges.enumerated() {
      let slot = self.slot(of: merge.left, merge.right)
      guard slots[slot] == Self.none else {
        throw .malformed(
          file: file, item: "merge \(rank)", expected: "every merge once",
          found: "that of merge \(slots[slot])")
      }
      slots[slot] = UInt32(truncatingIfNeeded: rank)
    }
  }

  /// The rank of joining `left` and `right`, or `none`.
  func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    let place = slots[slot(of: left, right)]
    guard let groups, place != Self.none else { return place }
    return groups[Int(place)]
  }

  func result(rank: UInt32) -> Int32 { merges[Int(rank)].result }

  private static func groups(_ merges: [Merge]) -> [UInt32] {
    var groups: [UInt32] = []
    groups.reserveCapacity(merges.count)
    for (place, merge) in merges.enumerated() {
      let isSame = place > 0 && merges[place - 1].result == merge.result
      groups.append(isSame ? groups[place - 1] : UInt32(truncatingIfNeeded: place))
    }
    return groups
  }

  /// Where the pair is, or where it would go.
  private func slot(of left: Int32, _ right: Int32) -> Int {
    let pair = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    // Fibonacci hashing with the high half folded in: the low bits choose the slot.
    let product = pair &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: product ^ product >> 32) & mask
    while slots[slot] != Self.none {
      let merge = merges[Int(slots[slot])]
      if merge.left == left, merge.right == right { break }
      slot = (slot + 1) & mask
    }
    return slot
  }
}
