import FeatureCache
import Tokenization

/// What of the response is to be read out.
public struct ProbeTarget: Sendable {
  public let name: String
  /// Whether answers are tokens, which differ between tokenizers.
  let isOfTokens: Bool
  /// Gives what reads a row's answer in the tokens of a stream's source, `place` among the probed.
  let reader:
    @Sendable (_ stream: FeatureCache, _ place: Int) throws -> (_ row: ProbeRow) -> [UInt8]

  /// The whole response, without white space at its ends.
  public static let label = ProbeTarget(name: "label", isOfTokens: false) { _, _ in
    { trimmed($0.response) }
  }

  /// The response's first token; of an empty response nothing.
  public static let firstToken = ProbeTarget(name: "first-token", isOfTokens: true) {
    stream, place in
    let tokenizer = try Tokenizer(serialized: stream.source.tokenizer)
    return { row in row.places[place].firstOfResponse.map { Array(tokenizer.piece($0)) } ?? [] }
  }

  /// All targets, by whose names they are asked for.
  public static let all = [label, firstToken]

  public static func named(_ name: String) throws(ProbingError) -> ProbeTarget {
    guard let target = all.first(where: { $0.name == name }) else {
      throw .unknownName(option: "target", name: name, known: all.map(\.name))
    }
    return target
  }

  /// The part of the training rows that have to share their response with another for it to be a label.
  private static let leastShared = 0.8

  /// The whole label where training rows' responses recur, else the first token; and why.
  package static func suggested(_ training: [ProbeRow]) -> (target: ProbeTarget, reason: String) {
    let counts = Dictionary(training.map { (trimmed($0.response), 1) }, uniquingKeysWith: +)
    let shared = counts.values.filter { $0 > 1 }.reduce(0, +)
    let isLabel = Double(shared) >= leastShared * Double(training.count)
    return (
      isLabel ? label : firstToken,
      "\(shared) of \(training.count) training rows share their response with another"
    )
  }

  /// Bytes without ASCII white space at either end.
  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
      let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return Array(bytes[first...last])
  }
}

/// The answers of both sets as numbers of classes, which are the training rows' answers.
struct AnswerClasses: Sendable {
  /// The answers, in the order of their bytes.
  let answers: [[UInt8]]
  let training: [Int32]
  /// `nil` for an answer that no training row has.
  let scored: [Int32?]

  init(training: [[UInt8]], scored: [[UInt8]]) {
    answers = Set(training).sorted { $0.lexicographicallyPrecedes($1) }
    let numbers = Dictionary(
      uniqueKeysWithValues: answers.enumerated().map { ($0.element, Int32($0.offset)) })
    // Every training answer has a number.
    self.training = training.compactMap { numbers[$0] }
    self.scored = scored.map { numbers[$0] }
  }

  var count: Int { answers.count }

  /// The class that most training rows have; the first of those that as many have.
  var commonest: Int32 {
    var counts = [Int](repeating: 0, count: count)
    for answer in training { counts[Int(answer)] += 1 }
    return Int32(counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) } ?? 0)
  }

  func text(_ answer: Int32) -> String { String(decoding: answers[Int(answer)], as: UTF8.self) }

  /// How many of the scored rows these answers are right for.
  func right(_ found: [Int32]) -> Int { zip(found, scored).count { $0 == $1 } }
}
