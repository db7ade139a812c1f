/// The number of each place where elements are dropped. A checkpoint that is resumed draws by them,
/// so a place keeps its number.
public enum DropoutSites {
  public static let embedding = 0

  /// The first of a block's places: self-attention, attention's output, feed-forward's output.
  public static func block(_ index: Int) -> Int { 8 * (index + 1) }

  /// What is read of a stream's states at once; beyond the places of any layer.
  public static func pooled(_ stream: Int) -> Int { 1 << 16 + stream }

  /// What reads the source before a layer.
  public static func bridge(_ index: Int) -> Int { 8 * (index + 1) + 4 }
}
