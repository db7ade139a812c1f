import Numerics

// Beam search: of all continuations of the paths so far, the `width` likeliest go on, by the sum of their tokens'
// log-probabilities. A sum only falls as a path grows, so a path that is not above the best ended one is given up, and
// the search ends when none is: with enough width, at the likeliest answer there is.

/// The ways in which one answer may go on: one path, whose tokens are sampled, or several, among which the likeliest
/// whole answer is searched.
struct AnswerPaths {
  struct Path {
    let session: any AnsweringSession
    var answer: Answer
    /// What its next step takes.
    var tokens: [Int32]
    /// The sum of its tokens' log-probabilities; only searched paths have one.
    var score = 0.0
  }

  /// Those that go on.
  private(set) var paths: [Path]
  private let width: Int
  /// Whether the likeliest whole answer is searched, of which nothing can be shown before it is found.
  var isSearched: Bool { width > 1 }
  /// The likeliest that has ended.
  private var best: (answer: Answer, score: Double)?

  init(_ session: any AnsweringSession, _ answer: Answer, tokens: [Int32], width: Int) {
    paths = [Path(session: session, answer: answer, tokens: tokens)]
    self.width = width
  }

  /// One step further, by the logits [V] that follow each path's. Gives the answer once it has ended.
  ///
  /// - Parameter onText: told a sampled answer's text as it grows; of a searched one nothing, "", at every step. False
  ///   ends it.
  mutating func advance(_ logits: [[Float]], _ onText: (String) -> Bool) -> Answer? {
    if !isSearched { return sample(logits[0], onText) }
    let ended = search(logits)
    guard ended == nil, !onText("") else { return ended }
    paths[0].answer.cancel()
    return paths[0].answer
  }

  private mutating func sample(_ logits: [Float], _ onText: (String) -> Bool) -> Answer? {
    let next = logits.withUnsafeBufferPointer { paths[0].answer.next($0, onText) }
    guard let next else { return paths[0].answer }
    return proceeds(&paths[0], next) ? nil : paths[0].answer
  }

  private mutating func search(_ logits: [[Float]]) -> Answer? {
    var (going, parents): ([Path], [Int]) = ([], [])
    for (parent, token, score) in continuations(logits) where score > best?.score ?? -.infinity {
      var path = paths[parent]
      path.score = score
      if path.answer.append(token, { _ in true }) != nil, proceeds(&path, token) {
        guard going.count < width else { continue }
        going.append(path)
        parents.append(parent)
      } else {
        best = (path.answer, score)
      }
    }
    guard !going.isEmpty else {
      if best == nil { paths[0].answer.endAtLimit() }
      return best?.answer ?? paths[0].answer
    }
    // The first child of a path goes on in its session, the others in copies of it.
    paths = zip(going, parents).enumerated().map { place, child in
      guard parents[..<place].contains(child.1) else { return child.0 }
      return Path(
        session: child.0.session.fork(), answer: child.0.answer, tokens: child.0.tokens,
        score: child.0.score)
    }
    return nil
  }

  /// Every path's likeliest next tokens, the likeliest whole first; equals by path and token.
  private func continuations(_ logits: [[Float]]) -> [(path: Int, token: Int32, score: Double)] {
    zip(paths, logits).enumerated().flatMap { place, pair in
      let (path, logits) = pair
      guard !logits.contains(where: \.isNaN) else { return [(Int, Int32, Double)]() }
      var scratch = logits
      let total = scratch.withUnsafeMutableBufferPointer { scratch in
        scratch.baseAddress.map { softmax(scratch.count, $0) } ?? 0
      }
      return LikeliestTokens(logits, count: min(width + path.answer.endCount, logits.count)).ids.map
      {
        (place, Int32($0), path.score + Double(logits[$0]) - Double(total))
      }
    }.sorted { $0.2 != $1.2 ? $0.2 > $1.2 : ($0.0, $0.1) < ($1.0, $1.1) }
  }

  /// Makes a path's next step that of a token; false where there is no position left for it.
  private func proceeds(_ path: inout Path, _ token: Int32) -> Bool {
    guard path.session.position < path.session.capacity else {
      path.answer.endAtLimit()
      return false
    }
    path.tokens = [token]
    return true
  }
}
