import Identity

/// How far the states of the same documents are apart in two streams.
public struct StateDifference: Equatable, Sendable {
  /// Documents with the same text in both; those with the same token ids and states are compared.
  public internal(set) var shared = 0
  public internal(set) var compared = 0
  public internal(set) var onlyHere = 0
  public internal(set) var onlyThere = 0
  /// Tokens compared.
  public internal(set) var tokens = 0
  /// |there - here| / |here| of a token, Euclidean: mean over tokens, and the largest.
  public internal(set) var meanRelative = 0.0
  public internal(set) var largestRelative = 0.0
  /// Of all values of all tokens, as one vector.
  public internal(set) var relative = 0.0
  /// Largest |there - here| of a value.
  public internal(set) var largest = 0.0
  /// Tokens whose states have the same bits.
  public internal(set) var identical = 0
  /// The document of the token that differs most, in this stream.
  public internal(set) var worst: DocumentID?

  public init() {}
}

extension FeatureCache {
  /// Compares the decoded states of the documents that both streams have: two sources, precisions, codecs
  /// or caches. Their layers may differ, their widths not.
  ///
  /// - Parameter progress: called with the count of this stream's documents that are done, and of all.
  /// - Throws: `identityMismatch` when the widths differ; `damaged`.
  public func difference(
    from other: FeatureCache, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CacheError) -> StateDifference {
    guard width == other.width else {
      throw .identityMismatch(
        path: path,
        differences: [
          IdentityDifference(field: "width", cache: "\(width)", asked: "\(other.width)")
        ])
    }
    // Two forms of one text are two documents.
    var theirs: [DocumentKey: [DocumentEntry]] = [:]
    for entry in try other.documents() {
      theirs[try other.document(entry.id).key, default: []].append(entry)
    }
    let mine = try documents()
    var result = StateDifference()
    var (squares, size, sum) = (0.0, 0.0, 0.0)
    for (index, entry) in mine.enumerated() {
      progress(index + 1, mine.count)
      guard let twin = theirs[try document(entry.id).key]?.popLast() else {
        result.onlyHere += 1
        continue
      }
      result.shared += 1
      guard let (left, right) = try pair(entry, twin, of: other) else { continue }
      result.compared += 1
      for token in 0..<(left.count / width) {
        let range = token * width..<(token + 1) * width
        let change = TokenDifference(left[range], right[range])
        result.tokens += 1
        if change.largest == 0 { result.identical += 1 }
        squares += change.squares
        size += change.size
        sum += change.relative
        result.largest = max(result.largest, change.largest)
        if change.relative > result.largestRelative {
          result.largestRelative = change.relative
          result.worst = entry.id
        }
      }
    }
    result.onlyThere = theirs.values.reduce(0) { $0 + $1.count }
    result.meanRelative = result.tokens > 0 ? sum / Double(result.tokens) : 0
    result.relative = size > 0 ? (squares / size).squareRoot() : 0
    return result
  }

  /// The states of a document in both, where they are of the same tokens: the longest that both have.
  private func pair(
    _ entry: DocumentEntry, _ twin: DocumentEntry, of other: FeatureCache
  ) throws(CacheError) -> (left: [Float], right: [Float])? {
    let common = entry.coverages.filter(twin.coverages.contains)
    guard let coverage = common.last else { return nil }
    let ids = try document(entry.id).ids(coverage)
    guard try other.document(twin.id).ids(coverage) == ids else { return nil }
    return (try states(of: entry.id, coverage, ids), try other.states(of: twin.id, coverage, ids))
  }

  private func states(
    of id: DocumentID, _ coverage: Coverage, _ ids: [Int32]
  ) throws(CacheError) -> [Float] {
    var states = [Float](repeating: 0, count: ids.count * width)
    let found = try states.withUnsafeMutableBufferPointer { room in
      Result { () throws(CacheError) in try self.states(forTokenIDs: ids, into: room) }
    }.get()
    guard found else {
      throw .notFound(path: path, item: "states of the \(coverage) of \(id)")
    }
    return states
  }
}

/// Two states of one token.
private struct TokenDifference {
  private(set) var squares = 0.0
  private(set) var size = 0.0
  private(set) var largest = 0.0

  init(_ left: ArraySlice<Float>, _ right: ArraySlice<Float>) {
    for (here, there) in zip(left, right) {
      let change = Double(there) - Double(here)
      squares += change * change
      size += Double(here) * Double(here)
      largest = max(largest, abs(change))
    }
  }

  /// To the state here; of a state that vanishes here alone, 1.
  var relative: Double { size > 0 ? (squares / size).squareRoot() : squares > 0 ? 1 : 0 }
}
