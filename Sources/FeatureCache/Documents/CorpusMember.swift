/// Where a corpus has a document.
public struct CorpusMember: Equatable, Sendable {
  /// Name of the file.
  public var corpus: String
  /// The set that the corpus puts it in.
  public var split: DocumentSplit
  /// Line in that file, from 1; 0: none.
  public var line: Int
  /// The last run that found it there; `nil`: one that is not known.
  public var seen: RunID?

  public init(corpus: String, split: DocumentSplit, line: Int, seen: RunID? = nil) {
    self.corpus = corpus
    self.split = split
    self.line = line
    self.seen = seen
  }

  /// What is left of this and a later finding in the same corpus: what the corpus says now. Of several places that
  /// one run found, the first counts, so that the content does not depend on the order of storing.
  func updated(by later: CorpusMember) -> CorpusMember {
    var updated = later
    updated.seen = later.seen ?? seen
    if updated.seen == seen { updated.line = min(line, later.line) }
    return updated
  }

  func checksum(of document: [UInt8], _ cipher: CacheCipher?) -> [UInt8] {
    var hash = FramedHash("denju member row 1", key: cipher?.authentication)
    hash.add(document)
    hash.add(corpus)
    hash.add(split.rawValue)
    hash.add(line)
    return hash.finalize()
  }
}

/// A set of a corpus that a run reads, whole or in part.
public struct CorpusPass: Equatable, Sendable {
  /// Name of the file.
  public var corpus: String
  public var split: DocumentSplit
  /// Which of how many parts: the first of one is all of it.
  public var part: Int
  public var parts: Int

  public init(corpus: String, split: DocumentSplit, part: Int = 1, parts: Int = 1) {
    self.corpus = corpus
    self.split = split
    self.part = part
    self.parts = parts
  }
}
