/// Why options contradict each other: one line in the flags' words.
public enum OptionError: Error, Equatable, Sendable, CustomStringConvertible {
  case fitWithoutNeed
  case storeWithoutCache
  case cacheAndNone(String)

  public var description: String {
    switch self {
    case .fitWithoutNeed:
      "--fit-corpus is for a codec that is fitted, as transform:0.005"
    case .storeWithoutCache:
      "--no-cache and --store contradict each other"
    case .cacheAndNone(let path):
      "--no-cache and --cache \(path) contradict each other"
    }
  }
}
