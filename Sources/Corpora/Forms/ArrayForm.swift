/// One JSON array of objects, read element by element.
public struct ArrayForm: CorpusForm {
  public let name = "json"
  /// A file named `.json` may be lines, too: its first byte says.
  public let extensions: [String] = []
  public let firstByte: UInt8? = UInt8(ascii: "[")

  public init() {}

  public func rows(of corpus: Corpus) throws(CorpusError) -> any CorpusRows {
    try ArrayRows(corpus)
  }
}

private final class ArrayRows: CorpusRows {
  private let corpus: Corpus
  private let decoder: RowDecoder
  private var stream: ByteStream
  private var scanner: JSONArrayScanner

  init(_ corpus: Corpus) throws(CorpusError) {
    self.corpus = corpus
    decoder = RowDecoder(fields: corpus.fields)
    stream = try ByteStream(corpus.path)
    scanner = JSONArrayScanner(limit: corpus.rowLimit)
  }

  func next() throws(CorpusError) -> Result<CorpusRow, BadRow>? {
    switch try scanner.next(&stream) {
    case nil:
      return nil
    case .bytes(let bytes, let line):
      return decoder.row(bytes, corpus.location(line: line))
    case .tooManyBytes(let line):
      return .failure(corpus.tooManyBytes(corpus.location(line: line)))
    case .broken(let reason, let line):
      return .failure(BadRow(location: corpus.location(line: line), reason: .notJSON(reason)))
    }
  }
}
