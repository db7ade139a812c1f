/// The merges of a vocabulary: which pairs of tokens join, in what order, and into what.
///
/// An open-addressing hash table over 64-bit pairs. Merging asks it several times for every byte
/// of a corpus, which is why it is not a Dictionary: no hashing of bytes, no retains, one probe.
struct MergeTable: Sendable {
  struct Merge: Sendable, Equatable {
    let left: Int32
    let right: Int32
  }

  /// In the order of their rank: the lower is applied first.
  let merges: [Merge]
  /// By rank, the token that the pair becomes.
  private let results: [Int32]

  /// Ranks by slot, `none` where the slot is free. Never more than half full.
  private var slots: [UInt32]
  private let mask: Int

  static let none = UInt32.max

  /// `results[i]` is what `merges[i]` becomes. Returns nil when a merge is there twice, with its
  /// rank in `repeated`.
  init?(merges: [Merge], results: [Int32], repeated: inout Int) {
    var capacity = 16
    while capacity < merges.count * 2 { capacity *= 2 }
    self.merges = merges
    self.results = results
    slots = [UInt32](repeating: Self.none, count: capacity)
    mask = capacity - 1
    for (rank, merge) in merges.enumerated() {
      let slot = self.slot(of: merge.left, merge.right)
      guard slots[slot] == Self.none else {
        repeated = rank
        return nil
      }
      slots[slot] = UInt32(truncatingIfNeeded: rank)
    }
  }

  /// The rank of joining `left` and `right`, or `none`.
  func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    slots[slot(of: left, right)]
  }

  func result(rank: UInt32) -> Int32 { results[Int(rank)] }

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
