/// Reads a corpus row by row, in the file's order, holding one row at a time. For one thread.
public final class CorpusReader {
  public let corpus: Corpus
  public let policy: BadRowPolicy
  /// Rows given out so far, and neither bad nor rejected.
  public private(set) var rows = 0
  /// Bad rows so far.
  public private(set) var bad = BadRowTally()

  private let items: any CorpusRows

  init(_ corpus: Corpus, badRows: BadRowPolicy) throws(CorpusError) {
    self.corpus = corpus
    self.policy = badRows
    items = try corpus.form.rows(of: corpus)
  }

  /// The next usable row; `nil` at the end.
  ///
  /// - Throws: `badRow` where bad rows are fatal; `empty` at the end of a corpus without a usable
  ///   row.
  public func next() throws(CorpusError) -> CorpusRow? {
    while let item = try items.next() {
      switch item {
      case .success(let row):
        rows += 1
        return row
      case .failure(let row):
        try count(row)
      }
    }
    guard rows > 0 else {
      throw .empty(file: corpus.path, reasons: bad.description)
    }
    return nil
  }

  /// Counts a row that was given out as a bad one after all, for a reason that only its user can
  /// see.
  public func reject(_ row: CorpusRow, _ reason: BadRow.Reason) throws(CorpusError) {
    rows -= 1
    try count(BadRow(location: row.location, reason: reason))
  }

  private func count(_ row: BadRow) throws(CorpusError) {
    bad.add(row)
    if policy == .fail { throw .badRow(row) }
  }
}
