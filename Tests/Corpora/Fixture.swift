import Corpora
import Foundation

/// A folder that is removed with its owner.
final class Folder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "denju-corpora-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Array(text.utf8))
  }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    return file.path
  }

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
