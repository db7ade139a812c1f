/// The whole file is one document: a plain text without a prompt.
public struct TextForm: CorpusForm {
  public let name = "text"
  public let extensions = ["txt", "md", "text"]
  public let firstByte: UInt8? = nil

  public init() {}

  public func rows(of corpus: Corpus) throws(CorpusError) -> any CorpusRows {
    try TextRows(corpus)
  }
}

private final class TextRows: CorpusRows {
  private let corpus: Corpus
  private var stream: ByteStream
  private var isDone = false

  init(_ corpus: Corpus) throws(CorpusError) {
    self.corpus = corpus
    stream = try ByteStream(corpus.path)
  }

  func next() throws(CorpusError) -> Result<CorpusRow, BadRow>? {
    guard !isDone else { return nil }
    isDone = true
    let place = corpus.location(line: 1)
    var bytes: [UInt8] = []
    while let byte = try stream.next() {
      guard bytes.count < corpus.rowLimit else { return .failure(corpus.tooManyBytes(place)) }
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
}
