import FeatureCache
import Identity

/// What is run through a causal source for the texts of one window, in which order, and what is held meanwhile.
///
/// Texts of a corpus begin alike: with a system prompt, a template, a passage that several questions are about.
/// A causal source makes the same states of a beginning whatever follows it, so a beginning that texts share, a
/// *prefix*, is run once; its keys and values are *held*, and what is a text's own, its *rest*, goes on from
/// them. Prefixes and rests are *pieces*: consecutive tokens of a text, each with a *base*, the prefix that it
/// goes on from. Pieces that go through the source together are a *pass*; the passes whose prefixes are held at
/// the same time are a *group*.
///
/// An example: two questions about a passage P of 30 tokens, one question without, and the system prompt S of
/// 40 tokens alone; a text of another kind.
///
///     text 0   S P a    40 + 30 + 5 tokens
///     text 1   S P b    40 + 30 + 6
///     text 2   S c      40 + 8
///     text 3   S        40
///     text 4   d        12
///
/// S saves running 3 * 40 tokens again, and P 30, each more than a pass of its own costs
/// (`PrefixPlanner.worthwhile`), so that there are two prefixes and four rests. A prefix is that of all texts
/// which begin so; its tokens are read from one of them, the first in the order of their ids:
///
///     prefix 0   S, at 0..<40 of text 3     base: the start
///     prefix 1   P, at 40..<70 of text 0    base: prefix 0
///     rest 0     a, at 70..<75 of text 0    base: prefix 1
///     rest 1     b, at 70..<76 of text 1    base: prefix 1
///     rest 2     c, at 40..<48 of text 2    base: prefix 0
///     rest 3     d, at 0..<12 of text 4     base: the start
///
/// Text 3 ends with prefix 0 and has no rest (`ends`). One group holds both prefixes, 70 tokens:
///
///     pass 0   prefix 0          S is held; text 3 is done
///     pass 1   prefix 1          P is held behind it
///     pass 2   rests 0 to 3      texts 0, 1, 2 and 4 are done
///
/// 101 tokens are run in place of 251. After a group its prefixes are released, but for those that the next
/// window may go on from: the path from the start on that most texts take, here S, and of what follows it P
/// (`kept`). If the next window has the texts S P e, of 77 tokens, and S f, of 49, it has no prefix of its own:
///
///     rest 0     e, at 70..<77 of text 0    base: kept 1, the P of the window before
///     rest 1     f, at 40..<49 of text 1    base: kept 0, its S
///
/// A text that ends where a kept prefix does runs its last tokens again, from the kept prefix before: the states
/// of what was kept are gone.
///
/// The schedule says all that a run will do in tokens, so a plan that counts schedules is exact. States of a
/// source that sees the whole document can't be gone on from: their schedule runs every text from its start.
package struct PrefixSchedule: Equatable, Sendable {
  /// What a piece goes on from.
  package enum Base: Hashable, Sendable {
    /// Nothing: it begins the text.
    case start
    /// A prefix that the window before kept, by its place in that one's `kept`.
    case kept(KeptIndex)
    /// A prefix of this window.
    case prefix(PrefixIndex)
  }

  /// Consecutive tokens of a text that are run together.
  package struct Piece: Equatable, Sendable {
    package let base: Base
    /// A text that has them: for a shared prefix any.
    package let text: TextIndex
    /// The tokens' positions in the text.
    package let range: Range<Int>

    package init(base: Base, text: TextIndex, range: Range<Int>) {
      self.base = base
      self.text = text
      self.range = range
    }
  }

  /// Pieces that go through the source together.
  package enum Pass: Equatable, Sendable {
    /// Prefixes, whose keys and values are held from then on.
    case prefixes([PrefixIndex])
    case rests([RestIndex])
  }

  /// So many first tokens of a text.
  package struct Beginning: Equatable, Sendable {
    package let text: TextIndex
    package let tokens: Int
  }

  /// What a state of the source depends on.
  package internal(set) var scope = StateScope.causal
  /// The prefixes that several texts share, each after the one that it goes on from.
  package internal(set) var prefixes: IndexedList<SharedPrefixes, Piece> = []
  /// What of each text is its own. A text that ends where a shared prefix does has none.
  package internal(set) var rests: IndexedList<TextRests, Piece> = []
  /// The text that ends with a prefix, by that.
  package internal(set) var ends: [PrefixIndex: TextIndex] = [:]
  /// The passes in their order, in groups: after each of these its prefixes are released, but for those in
  /// `kept`.
  package internal(set) var groups: [[Pass]] = []
  /// The prefixes that stay for the next window, from the text's start on, each behind the one before.
  package internal(set) var kept: IndexedList<KeptPrefixes, Base> = []
  /// The tokens of all in `kept`.
  package internal(set) var keptBeginning: Beginning?
  /// How many records the texts add, by the count of tokens in a record.
  package internal(set) var records: [Int: Int] = [:]

  /// Tokens that go through the source.
  package var tokens: Int {
    prefixes.reduce(0) { $0 + $1.range.count } + rests.reduce(0) { $0 + $1.range.count }
  }

  /// Pairs of a token and one that it attends to, itself among them.
  var attended: Int {
    prefixes.reduce(0) { $0 + attended(by: $1) } + rests.reduce(0) { $0 + attended(by: $1) }
  }

  /// Pairs of a token of a piece and one that it attends to: of a causal source, token t attends to t + 1.
  func attended(by piece: Piece) -> Int {
    func triangle(_ count: Int) -> Int { count * (count + 1) / 2 }
    return switch scope {
    case .causal: triangle(piece.range.upperBound) - triangle(piece.range.lowerBound)
    case .document: piece.range.count * piece.range.count
    }
  }

  var passCount: Int { groups.reduce(0) { $0 + $1.count } }

  /// Some piece goes on from a prefix that the window before kept.
  package var usesKept: Bool {
    prefixes.contains { $0.base.isKept } || rests.contains { $0.base.isKept }
  }
}

extension PrefixSchedule.Base {
  var isKept: Bool {
    if case .kept = self { true } else { false }
  }
}
