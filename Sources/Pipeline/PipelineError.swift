/// Why a pipeline file can't be run: one line that names the file and the place in it.
public enum PipelineError: Error, Equatable, Sendable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case malformed(path: String, line: Int, problem: String)
  /// A section says something that its command would not accept.
  case badSection(path: String, line: Int, section: String, problem: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "can't read \(path): \(reason)"
    case .malformed(let path, let line, let problem):
      "\(path):\(line): \(problem)"
    case .badSection(let path, let line, let section, let problem):
      "\(path):\(line): section `\(section)`: \(problem)"
    }
  }
}
