import Corpora
import TestSupport

extension TemporaryFolder {
  /// All rows of a file of these bytes, and what was bad.
  func rows(
    _ name: String, _ bytes: [UInt8], form: (any CorpusForm)? = nil, fields: FieldNames? = nil,
    rowLimit: Int = Corpus.standardRowLimit
  ) throws -> (rows: [CorpusRow], bad: BadRowTally) {
    let corpus = try Corpus(
      try write(name, bytes), form: form, fields: fields, rowLimit: rowLimit)
    let reader = try corpus.reader(badRows: .skip)
    var rows: [CorpusRow] = []
    while let row = try reader.next() { rows.append(row) }
    return (rows, reader.bad)
  }

  /// Why one line is a bad row; `nil` when it is not.
  func reason(_ line: [UInt8], fields: FieldNames? = nil) throws -> BadRow.Reason? {
    let corpus = try Corpus(try write("row.jsonl", line), fields: fields)
    do {
      _ = try corpus.reader(badRows: .fail).next()
      return nil
    } catch .badRow(let row) {
      return row.reason
    }
  }
}
