/// Reads a corpus row by row, in the file's order, holding one row at a time. For one thread.
public final class CorpusReader {
  public let corpus: Corpus
  public let policy: BadRowPolicy
  /// Rows given out so far, and neither bad nor rejected.
  public private(set) var rows = 0
  /// Lines of nothing but white space, which are no rows.
  public private(set) var blankLines = 0
  /// Bad rows so far.
  public private(set) var bad = BadRowTally()

  private var stream: ByteStream
  private var scanner: JSONArrayScanner
  private let decoder: RowDecoder
  private var done = false

  init(_ corpus: Corpus, badRows: BadRowPolicy) throws(CorpusError) {
    self.corpus = corpus
    self.policy = badRows
    stream = try ByteStream(corpus.path)
    scanner = JSONArrayScanner(limit: corpus.rowLimit)
    decoder = RowDecoder(fields: corpus.fields)
  }

  /// The next usable row; `nil` at the end.
  ///
  /// - Throws: `badRow` where bad rows are fatal; `empty` at the end of a corpus without a usable
  ///   row.
  public func next() throws(CorpusError) -> CorpusRow? {
    while let item = try nextItem() {
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

  private enum Item {
    case success(CorpusRow)
    case failure(BadRow)
  }

  private func nextItem() throws(CorpusError) -> Item? {
    switch corpus.format {
    case .jsonl: try nextLine()
    case .json: try nextElement()
    case .text: try wholeFile()
    }
  }

  private func nextLine() throws(CorpusError) -> Item? {
    while true {
      let place = location(stream.line)
      var overflow = false
      guard let line = try stream.nextLine(limit: corpus.rowLimit, overflow: &overflow) else {
        return nil
      }
      if overflow { return tooManyBytes(place) }
      if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) {
        blankLines += 1
        continue
      }
      return decoded(line, place)
    }
  }

  private func nextElement() throws(CorpusError) -> Item? {
    switch try scanner.next(&stream) {
    case nil:
      return nil
    case .bytes(let bytes, let line):
      return decoded(bytes, location(line))
    case .tooManyBytes(let line):
      return tooManyBytes(location(line))
    case .broken(let reason, let line):
      return .failure(BadRow(location: location(line), reason: .notJSON(reason)))
    }
  }

  private func wholeFile() throws(CorpusError) -> Item? {
    guard !done else { return nil }
    done = true
    let place = location(1)
    var bytes: [UInt8] = []
    while let byte = try stream.next() {
      guard bytes.count < corpus.rowLimit else { return tooManyBytes(place) }
      bytes.append(byte)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(BadRow(location: place, reason: .notUTF8))
    }
    do throws(BadRowFailure) {
      return .success(try CorpusRow.text(text, place))
    } catch {
      return .failure(BadRow(location: place, reason: error.reason))
    }
  }

  private func decoded(_ bytes: [UInt8], _ place: CorpusLocation) -> Item {
    switch decoder.row(bytes, place) {
    case .success(let row): .success(row)
    case .failure(let failure): .failure(BadRow(location: place, reason: failure.reason))
    }
  }

  private func tooManyBytes(_ place: CorpusLocation) -> Item {
    .failure(BadRow(location: place, reason: .tooManyBytes(limit: corpus.rowLimit)))
  }

  private func location(_ line: Int) -> CorpusLocation {
    CorpusLocation(file: corpus.name, line: line)
  }
}
