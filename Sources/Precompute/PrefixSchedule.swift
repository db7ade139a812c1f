/// What is run through the source for the texts of one window, and in which order.
///
/// A text is run as one piece, or as the rest of a text behind a shared prefix that was run once. The
/// schedule says all that a run will do in tokens, so a plan that counts schedules is exact.
public struct PrefixSchedule: Equatable, Sendable {
  /// What a piece comes after.
  public enum Base: Hashable, Sendable {
    /// Nothing: it begins the text.
    case start
    /// A prefix kept from the window before: an index into that one's `kept`.
    case carried(Int)
    /// A prefix of this window: an index into `prefixes`.
    case prefix(Int)
  }

  /// Consecutive tokens of a text that are run together.
  public struct Piece: Equatable, Sendable {
    public let base: Base
    /// A text that has them: for a shared prefix any.
    public let text: Int
    /// Positions in the text.
    public let range: Range<Int>
  }

  /// Pieces that go through the source together.
  public enum Pass: Equatable, Sendable {
    /// Indices into `prefixes`: their keys and values are held.
    case prefixes([Int])
    /// Indices into `rests`.
    case rests([Int])
  }

  /// Prefixes that several texts share.
  public internal(set) var prefixes: [Piece] = []
  /// What of each text is its own. A text that ends where a shared prefix does has none.
  public internal(set) var rests: [Piece] = []
  /// By prefix, the text that ends there.
  public internal(set) var ends: [Int: Int] = [:]
  /// Passes in groups: after one of these its prefixes are let go, but for those in `kept`.
  public internal(set) var groups: [[Pass]] = []
  /// The prefixes that stay for the next window, from the text's start on, each behind the one
  /// before; and all they hold, as so many tokens of a text.
  public internal(set) var kept: [Base] = []
  public internal(set) var keptPrefix: (text: Int, count: Int)?
  /// Records that the texts add, by their tokens.
  public internal(set) var records: [Int: Int] = [:]

  /// Tokens that go through the source.
  public var tokens: Int {
    (prefixes + rests).reduce(0) { $0 + $1.range.count }
  }

  /// Pairs of a token and one that it attends to, itself among them.
  public var attended: Int {
    (prefixes + rests).reduce(0) { $0 + $1.attended }
  }

  var passCount: Int { groups.reduce(0) { $0 + $1.count } }

  /// Prefixes that were kept from the window before are still needed.
  var usesCarried: Bool {
    (prefixes + rests).contains { if case .carried = $0.base { true } else { false } }
  }

  public static func == (left: PrefixSchedule, right: PrefixSchedule) -> Bool {
    left.prefixes == right.prefixes && left.rests == right.rests && left.ends == right.ends
      && left.groups == right.groups && left.kept == right.kept
      && left.keptPrefix?.text == right.keptPrefix?.text
      && left.keptPrefix?.count == right.keptPrefix?.count && left.records == right.records
  }
}

extension PrefixSchedule.Piece {
  /// Pairs of a token and one that it attends to: token t attends to t + 1.
  var attended: Int {
    (range.upperBound * (range.upperBound + 1) - range.lowerBound * (range.lowerBound + 1)) / 2
  }
}
