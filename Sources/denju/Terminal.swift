import Foundation

/// Where the program speaks: results on stdout, all else on stderr.
enum Terminal {
  static func result(_ text: String) { resultPart(text + "\n") }

  /// Text without an end of its own. A result that can't be written ends the program, with status 1.
  static func resultPart(_ text: String) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      message("denju: can't write the result to standard output: \(Failure.line(error))")
      exit(1)
    }
  }

  static func message(_ text: String) { display(text + "\n") }

  /// Text on stderr without an end of its own. Where there is no one to read it, the work goes on.
  static func display(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }

  /// Puts something in the place of standard streams that were closed, or the next file that is opened
  /// would be written to as one of them. Nothing can be written to it.
  static func holdStreams() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free descriptor is the one that is taken.
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// Facts, one a line, their values below each other.
  static func facts(_ facts: [(name: String, value: String)]) {
    let width = 2 + (facts.map(\.name.count).max() ?? 0)
    for (name, value) in facts {
      result(name.padding(toLength: width, withPad: " ", startingAt: 0) + value)
    }
  }

  /// One line of JSON, keys sorted.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    result(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  static let errorsAreShown = isatty(STDERR_FILENO) == 1
}

/// Text in columns: the first to the left, the others to the right.
struct TextTable {
  private var rows: [[String]]

  init(_ header: [String]) {
    rows = [header]
  }

  mutating func add(_ row: [String]) {
    rows.append(row)
  }

  var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ row: [String]) -> String {
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(rows[0]), rule] + rows.dropFirst().map(line)).joined(separator: "\n")
  }
}

extension String {
  /// With escapes for what would break a line, or be a command to a terminal.
  var printable: String {
    unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : Self(scalar)
    }.joined()
  }
}
