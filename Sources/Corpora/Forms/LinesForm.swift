/// A JSON object a line. Lines of nothing but white space are passed over.
public struct LinesForm: CorpusForm {
  public let name = "jsonl"
  public let extensions = ["jsonl", "ndjson"]
  public let firstByte: UInt8? = UInt8(ascii: "{")

  public init() {}

  public func rows(of corpus: Corpus) throws(CorpusError) -> any CorpusRows {
    try LineRows(corpus)
  }
}

private final class LineRows: CorpusRows {
  private let corpus: Corpus
  private let decoder: RowDecoder
  private var stream: ByteStream

  init(_ corpus: Corpus) throws(CorpusError) {
    self.corpus = corpus
    decoder = RowDecoder(fields: corpus.fields)
    stream = try ByteStream(corpus.path)
  }

  func next() throws(CorpusError) -> Result<CorpusRow, BadRow>? {
    while true {
      let place = corpus.location(line: stream.line)
      var overflow = false
      guard let line = try stream.nextLine(limit: corpus.rowLimit, overflow: &overflow) else {
        return nil
      }
      if overflow { return .failure(corpus.tooManyBytes(place)) }
      if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { continue }
      return decoder.row(line, place)
    }
  }
}
