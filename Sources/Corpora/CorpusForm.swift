import Foundation

/// A form that corpus files have: how it is told, and how a file of it is cut into rows.
///
/// A new form is a file with its `CorpusForm`, and a line in a `CorpusForms`.
public protocol CorpusForm: Sendable {
  /// What it is called where one is chosen.
  var name: String { get }
  /// Endings of file names, in lower case, that say it.
  var extensions: [String] { get }
  /// The first byte but for white space of a file whose name says nothing; `nil` where that can't tell.
  var firstByte: UInt8? { get }

  /// The rows of a corpus file of this form, from its start.
  func rows(of corpus: Corpus) throws(CorpusError) -> any CorpusRows
}

/// A file's rows in its order, one held at a time. For one thread.
public protocol CorpusRows: AnyObject {
  /// The next row, or what is wrong with it; `nil` at the end.
  func next() throws(CorpusError) -> Result<CorpusRow, BadRow>?
}

/// The forms that a corpus may have: a value that is handed in where one is opened.
public struct CorpusForms: Sendable {
  public let forms: [any CorpusForm]

  public init(_ forms: [any CorpusForm]) {
    self.forms = forms
  }

  /// The forms of this program.
  public static let builtIn = CorpusForms([LinesForm(), ArrayForm(), TextForm()])

  /// The form of this name; `nil` where there is none.
  public func named(_ name: String) -> (any CorpusForm)? {
    forms.first { $0.name == name }
  }

  /// The form that a file's name says, or else its first byte.
  func detect(_ path: String) throws(CorpusError) -> any CorpusForm {
    let ending = (path as NSString).pathExtension.lowercased()
    if let form = forms.first(where: { $0.extensions.contains(ending) }) { return form }
    let space = [" ", "\t", "\r", "\n"].map { UInt8(ascii: $0) }
    var stream = try ByteStream(path)
    while let byte = try stream.next() {
      if space.contains(byte) { continue }
      guard let form = forms.first(where: { $0.firstByte == byte }) else {
        throw .unknownForm(file: path, known: forms.map(\.name))
      }
      return form
    }
    throw .empty(file: path, reasons: "")
  }
}
