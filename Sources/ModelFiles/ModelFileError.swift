/// Why a model file could not be used. Every description is one line that names the file, the
/// tensor or key, what was expected, what was found, and what to do.
public enum ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file system refused to open or read; `reason` is in its words.
  case unreadable(file: String, reason: String)

  /// The file system refused to write; `reason` is in its words.
  case unwritable(file: String, reason: String)

  /// The contents break the file's own format: damaged, cut short or hostile.
  case malformed(file: String, item: String, expected: String, found: String)

  /// A file, tensor or key that is needed is not there.
  case missing(file: String, item: String, advice: String)

  /// The contents are well formed, yet not what was asked for (another shape, another type).
  case mismatch(file: String, item: String, expected: String, found: String)

  /// A key, type or architecture that changes the result and is not implemented.
  case unsupported(file: String, item: String, found: String, supported: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(oneLine(file)): cannot be read: \(oneLine(reason)); check the path and its permissions"
    case .unwritable(let file, let reason):
      "\(oneLine(file)): cannot be written: \(oneLine(reason)); "
        + "check the folder, its permissions and the free space"
    case .malformed(let file, let item, let expected, let found):
      "\(oneLine(file)): \(oneLine(item)): expected \(oneLine(expected)), "
        + "found \(oneLine(found)); the file is damaged or wrong: fetch or convert it again"
    case .missing(let file, let item, let advice):
      "\(oneLine(file)): \(oneLine(item)) is missing; \(oneLine(advice))"
    case .mismatch(let file, let item, let expected, let found):
      "\(oneLine(file)): \(oneLine(item)): expected \(oneLine(expected)), "
        + "found \(oneLine(found)); check that the file belongs to this model"
    case .unsupported(let file, let item, let found, let supported):
      "\(oneLine(file)): \(oneLine(item)) is \(oneLine(found)), which is not implemented; "
        + "use a model with \(oneLine(supported))"
    }
  }
}

/// Text from a file made safe for one line of a terminal: control characters are escaped and
/// anything long is cut.
func oneLine(_ text: String, limit: Int = 400) -> String {
  var line = ""
  var length = 0
  for scalar in text.unicodeScalars {
    if length == limit { return line + "…" }
    length += 1
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      line += scalar.escaped(asASCII: true)
    default:
      line.unicodeScalars.append(scalar)
    }
  }
  return line
}
