import Foundation

/// A corpus file and how to read it.
public struct Corpus: Equatable, Sendable {
  /// A row longer than this is a bad row: 16 MiB, which no model's context could take.
  public static let standardRowLimit = 16 << 20

  public let path: String
  public let format: CorpusFormat
  public let fields: FieldNames?
  public let rowLimit: Int

  /// - Parameters:
  ///   - format: `nil` lets the file's name and first byte say.
  ///   - fields: `nil` takes the usual forms.
  ///   - rowLimit: bytes of the longest row that is read.
  public init(
    _ path: String, format: CorpusFormat? = nil, fields: FieldNames? = nil,
    rowLimit: Int = Corpus.standardRowLimit
  ) throws(CorpusError) {
    self.path = path
    if let format {
      self.format = format
    } else {
      self.format = try CorpusFormat.detect(path)
    }
    self.fields = fields
    self.rowLimit = rowLimit
  }

  /// What rows are named by: the file's name without its folders.
  public var name: String {
    (path as NSString).lastPathComponent
  }

  public func reader(badRows: BadRowPolicy = .fail) throws(CorpusError) -> CorpusReader {
    try CorpusReader(self, badRows: badRows)
  }
}
