/// Why options contradict each other: one line in the flags' words.
public enum OptionError: Error, Equatable, Sendable, CustomStringConvertible {
  case fitWithoutNeed
  case storeWithoutCache
  case cacheAndNone(String)
  case layerAndLayers(layer: Int, layers: String)
  case badLayers(String)

  public var description: String {
    switch self {
    case .fitWithoutNeed:
      "--fit-corpus is for a codec that is fitted, as transform:0.005"
    case .storeWithoutCache:
      "--no-cache and --store contradict each other"
    case .layerAndLayers(let layer, let layers):
      "--layer \(layer) and --layers \(layers) contradict each other"
    case .badLayers(let text):
      "--layers \(text): numbers with commas between them, as 8,16,-1"
    case .cacheAndNone(let path):
      "--no-cache and --cache \(path) contradict each other"
    }
  }
}
