/// A vocabulary as a tree of bytes, to find the longest token that a text begins with.
///
/// The edges are an open-addressing hash table, as in ``MergeTable``: models ask it once or more for
/// every byte of a corpus.
struct TokenTrie: Sendable {
  static let root: Int32 = 0
  private static let free: Int32 = -1

  /// An edge's node and byte by slot, and the node that it leads to, `free` where there is none.
  /// Never more than half full.
  private var edges: [Int64] = []
  private var targets: [Int32] = []
  /// The token by node, -1 where none ends there.
  private var tokens: [Int32] = [-1]

  init(_ spellings: [[UInt8]?]) {
    resize(to: 1024)
    for (id, spelling) in spellings.enumerated() {
      guard let spelling else { continue }
      var node = Self.root
      for byte in spelling { node = child(of: node, byte) ?? addChild(of: node, byte) }
      tokens[Int(node)] = Int32(truncatingIfNeeded: id)
    }
  }

  /// The token that ends at `node`, -1 where none does.
  func token(at node: Int32) -> Int32 { tokens[Int(node)] }

  func child(of node: Int32, _ byte: UInt8) -> Int32? {
    let target = targets[slot(of: Self.edge(node, byte))]
    return target == Self.free ? nil : target
  }

  /// The node that `bytes` lead to from the root.
  func node(at bytes: [UInt8]) -> Int32? {
    var node = Self.root
    for byte in bytes {
      guard let next = child(of: node, byte) else { return nil }
      node = next
    }
    return node
  }

  private mutating func addChild(of node: Int32, _ byte: UInt8) -> Int32 {
    if tokens.count * 2 >= edges.count { resize(to: edges.count * 2) }
    let added = Int32(truncatingIfNeeded: tokens.count)
    let edge = Self.edge(node, byte)
    let slot = self.slot(of: edge)
    edges[slot] = edge
    targets[slot] = added
    tokens.append(-1)
    return added
  }

  private mutating func resize(to capacity: Int) {
    let (oldEdges, oldTargets) = (edges, targets)
    edges = [Int64](repeating: 0, count: capacity)
    targets = [Int32](repeating: Self.free, count: capacity)
    for (edge, target) in zip(oldEdges, oldTargets) where target != Self.free {
      let slot = self.slot(of: edge)
      edges[slot] = edge
      targets[slot] = target
    }
  }

  private static func edge(_ node: Int32, _ byte: UInt8) -> Int64 { Int64(node) << 8 | Int64(byte) }

  /// Where the edge is, or where it would go.
  private func slot(of edge: Int64) -> Int {
    // Fibonacci hashing with the high half folded in: the low bits choose the slot.
    let product = UInt64(bitPattern: edge) &* 0x9E37_79B9_7F4A_7C15
    let mask = edges.count - 1
    var slot = Int(truncatingIfNeeded: product ^ product >> 32) & mask
    while targets[slot] != Self.free, edges[slot] != edge { slot = (slot + 1) & mask }
    return slot
  }
}
