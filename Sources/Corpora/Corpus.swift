import Foundation

/// A corpus file and how to read it.
public struct Corpus: Equatable, Sendable {
  /// A row longer than this is a bad row: 16 MiB, which no model's context could take.
  public static let standardRowLimit = 16 << 20

  public let path: String
  public let form: any CorpusForm
  public let fields: FieldNames?
  public let rowLimit: Int

  /// - Parameters:
  ///   - form: `nil` lets the file's name and first byte say, of those in `forms`.
  ///   - fields: `nil` takes the usual forms.
  ///   - rowLimit: bytes of the longest row that is read.
  public init(
    _ path: String, form: (any CorpusForm)? = nil, fields: FieldNames? = nil,
    rowLimit: Int = Corpus.standardRowLimit, forms: CorpusForms = .builtIn
  ) throws(CorpusError) {
    self.path = path
    if let form {
      self.form = form
    } else {
      self.form = try forms.detect(path)
    }
    self.fields = fields
    self.rowLimit = rowLimit
  }

  /// What rows are named by: the file's name without its folders.
  public var name: String {
    (path as NSString).lastPathComponent
  }

  public static func == (left: Corpus, right: Corpus) -> Bool {
    left.path == right.path && left.form.name == right.form.name && left.fields == right.fields
      && left.rowLimit == right.rowLimit
  }

  /// Where a row begins.
  public func location(line: Int) -> CorpusLocation { CorpusLocation(file: name, line: line) }

  /// What a row is that is longer than the limit.
  public func tooManyBytes(_ place: CorpusLocation) -> BadRow {
    BadRow(location: place, reason: .tooManyBytes(limit: rowLimit))
  }

  public func reader(badRows: BadRowPolicy = .fail) throws(CorpusError) -> CorpusReader {
    try CorpusReader(self, badRows: badRows)
  }
}
