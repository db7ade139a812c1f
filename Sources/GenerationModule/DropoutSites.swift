/// The number of each place where elements are dropped. A checkpoint that is resumed draws by them,
/// so a place keeps its number.
enum DropoutSites {
  static let embedding = 0

  /// The first of a GPT-Neo block's places.
  static func block(_ index: Int) -> Int { 8 * (index + 1) }

  /// A layer of enhanced cross-attention.
  static func bridge(_ index: Int) -> Int { 8 * (index + 1) + 4 }
}
