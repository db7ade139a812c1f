import Corpora
import Foundation

/// A corpus form that the program does not have: a prompt and a response a line, between them a tab.
package struct TabForm: CorpusForm {
  package let name = "tabs"
  package let extensions = ["tsv"]
  package let firstByte: UInt8? = UInt8(ascii: "#")

  package init() {}

  package func rows(of corpus: Corpus) throws(CorpusError) -> any CorpusRows {
    guard let text = try? String(contentsOfFile: corpus.path, encoding: .utf8) else {
      throw .unreadable(file: corpus.path, reason: "it is not text")
    }
    return TabRows(corpus, text.split(separator: "\n"))
  }
}

private final class TabRows: CorpusRows {
  private let corpus: Corpus
  private let lines: [Substring]
  private var line = 0

  init(_ corpus: Corpus, _ lines: [Substring]) {
    self.corpus = corpus
    self.lines = lines
  }

  func next() -> Result<CorpusRow, BadRow>? {
    guard line < lines.count else { return nil }
    line += 1
    let place = corpus.location(line: line)
    let parts = lines[line - 1].split(separator: "\t").map(String.init)
    guard parts.count == 2 else {
      return .failure(BadRow(location: place, reason: .missingField("response")))
    }
    return .success(CorpusRow(prompt: .raw(parts[0]), response: parts[1], location: place))
  }
}
