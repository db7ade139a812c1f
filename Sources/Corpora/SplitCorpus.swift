import Crypto

/// A corpus in three sets: one file cut by a hash of the prompts, or a file a set.
public enum SplitCorpus: Equatable, Sendable {
  case hashed(Corpus, HashSplit)
  case files(train: Corpus, validation: Corpus?, test: Corpus?, leaks: LeakPolicy)

  /// The sets that it says of, each with its file.
  public var sets: [(corpus: Corpus, split: CorpusSplit)] {
    switch self {
    case .hashed(let corpus, _):
      CorpusSplit.allCases.map { (corpus, $0) }
    case .files(let train, let validation, let test, _):
      [(CorpusSplit.test, test), (.validation, validation), (.train, train)].compactMap {
        split, corpus in corpus.map { ($0, split) }
      }
    }
  }

  /// Reads the rows with their sets: in the file's order, or test, validation, train.
  ///
  /// Of files, all are read once before, to find prompts that are in more than one set.
  /// - Parameter shard: give this part of the rows alone; bad rows and leaks are told of all.
  /// - Throws: `leak` when there are such prompts and they are to be refused.
  public func reader(
    badRows: BadRowPolicy = .fail, shard: CorpusShard? = nil
  ) throws(CorpusError) -> SplitReader {
    switch self {
    case .hashed(let corpus, let split):
      return SplitReader(
        [SplitReader.Part(try corpus.reader(badRows: badRows)) { split.split($0.splitBytes) }],
        shard: shard)
    case .files(_, _, _, let policy):
      let files = sets.map { ($0.split, $0.corpus) }
      var owners = PromptOwners(files)
      for (split, corpus) in files {
        // Bad rows are counted when the rows are used; here they only must not end the look.
        let reader = try corpus.reader(badRows: badRows)
        while let row = try reader.next() { owners.add(row, split) }
      }
      if policy == .refuse, let example = owners.example {
        throw .leak(count: owners.leaks, example: example)
      }
      var parts: [SplitReader.Part] = []
      for (split, corpus) in files {
        parts.append(SplitReader.Part(try corpus.reader(badRows: badRows)) { _ in split })
      }
      return SplitReader(parts, owners, shard: shard)
    }
  }
}

/// What to do with a prompt that is in more than one set's file.
public enum LeakPolicy: String, CaseIterable, Sendable {
  /// Nothing is read.
  case refuse
  /// It stays in test, or else in validation, and its other rows are left out and counted as bad
  /// ones.
  case drop
}

/// A prompt in two sets.
public struct SplitLeak: Equatable, Sendable {
  /// Where it stays when leaks are dropped.
  public let kept: CorpusLocation
  public let dropped: CorpusLocation
}

/// Which set has a prompt: the first that was seen with it. Files come most held-out first, and those of
/// the training set, the last and largest, are only compared: memory is for held-out prompts alone, about
/// 50 bytes each.
struct PromptOwners {
  /// A set and a line of its one file.
  private struct Owner {
    let split: UInt8
    let line: Int32
  }

  private let names: [String]
  private var owners: [UInt128: Owner] = [:]
  private(set) var leaks = 0
  private(set) var example: SplitLeak?

  /// - Parameter files: each set's file, most held-out first.
  init(_ files: [(CorpusSplit, Corpus)]) {
    names = CorpusSplit.allCases.map { split in files.first { $0.0 == split }?.1.name ?? "" }
  }

  mutating func add(_ row: CorpusRow, _ split: CorpusSplit) {
    let key = Self.key(row)
    if let owner = owners[key] {
      guard owner.split != Self.number(split) else { return }
      leaks += 1
      if example == nil { example = SplitLeak(kept: location(owner), dropped: row.location) }
    } else if split != .train {
      owners[key] = Owner(
        split: Self.number(split), line: Int32(clamping: row.location.line))
    }
  }

  /// Where the row's prompt stays, when that is in another set.
  func owner(of row: CorpusRow, in split: CorpusSplit) -> CorpusLocation? {
    guard let owner = owners[Self.key(row)], owner.split != Self.number(split) else { return nil }
    return location(owner)
  }

  private func location(_ owner: Owner) -> CorpusLocation {
    CorpusLocation(file: names[Int(owner.split)], line: Int(owner.line))
  }

  private static func number(_ split: CorpusSplit) -> UInt8 {
    UInt8(CorpusSplit.allCases.firstIndex(of: split) ?? 0)
  }

  private static func key(_ row: CorpusRow) -> UInt128 {
    SHA256.hash(data: row.splitBytes).prefix(16).reduce(0) { $0 << 8 | UInt128($1) }
  }
}

/// Reads rows with their sets. For one thread.
public final class SplitReader {
  struct Part {
    let reader: CorpusReader
    let split: (CorpusRow) -> CorpusSplit

    init(_ reader: CorpusReader, _ split: @escaping (CorpusRow) -> CorpusSplit) {
      self.reader = reader
      self.split = split
    }
  }

  private let parts: [Part]
  private let owners: PromptOwners?
  private let shard: CorpusShard?
  private var current = 0
  /// Rows left out as their user asked, which no policy for bad rows makes fatal.
  private var skipped = BadRowTally()

  init(_ parts: [Part], _ owners: PromptOwners? = nil, shard: CorpusShard? = nil) {
    self.parts = parts
    self.owners = owners
    self.shard = shard
  }

  /// The next usable row and its set; `nil` at the end.
  public func next() throws(CorpusError) -> (row: CorpusRow, split: CorpusSplit)? {
    while current < parts.count {
      let part = parts[current]
      guard let row = try part.reader.next() else {
        current += 1
        continue
      }
      if let shard, !shard.contains(row) { continue }
      let split = part.split(row)
      if let owner = owners?.owner(of: row, in: split) {
        skip(row, .leaked(owner.description))
        continue
      }
      return (row, split)
    }
    return nil
  }

  /// Counts the row that `next` gave last as a bad one after all.
  public func reject(_ row: CorpusRow, _ reason: BadRow.Reason) throws(CorpusError) {
    guard current < parts.count else { return }
    try parts[current].reader.reject(row, reason)
  }

  /// Counts the row that `next` gave last as one left out, as asked: never fatal.
  public func skip(_ row: CorpusRow, _ reason: BadRow.Reason) {
    skipped.add(BadRow(location: row.location, reason: reason))
  }

  /// Bad rows and rows left out so far, of all files.
  public var bad: BadRowTally {
    var tally = skipped
    for part in parts { tally.add(part.reader.bad) }
    return tally
  }
}
