/// Which optimizer group a tensor belongs to.
public enum ParameterGroup: String, Codable, Sendable, CaseIterable {
  /// What reads the source: projections, cross-attention, adapters and gates.
  case bridge
  /// The generator's own: its backbone and its output head.
  case generator
}

/// What of a module training changes; the rest is frozen, without gradient or moments. Written `all`,
/// `bridge` or `lora:RANK`.
public enum TrainedParts: Equatable, Sendable, Codable, CustomStringConvertible {
  case all
  /// The bridge alone.
  case bridge
  /// The bridge, and low-rank additions to the backbone's projections (Hu et al., arXiv 2106.09685).
  case lora(rank: Int)

  /// The largest rank that is taken.
  public static let largestRank = 4096

  /// Reads `all`, `bridge` or `lora:RANK`; nil for anything else.
  public init?(_ text: String) {
    switch text {
    case "all": self = .all
    case "bridge": self = .bridge
    default:
      guard text.hasPrefix("lora:"), let rank = Int(text.dropFirst(5)),
        (1...Self.largestRank).contains(rank)
      else { return nil }
      self = .lora(rank: rank)
    }
  }

  public var description: String {
    switch self {
    case .all: "all"
    case .bridge: "bridge"
    case .lora(let rank): "lora:\(rank)"
    }
  }

  /// The rank of additions to the backbone's projections, where there are any.
  public var rank: Int? { if case .lora(let rank) = self { rank } else { nil } }

  func trains(_ group: ParameterGroup) -> Bool { self == .all || group == .bridge }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = TrainedParts(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected all, bridge or lora:RANK, found \(text)")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Where one tensor lies among a module's parameters: what a layer keeps of it.
public struct Parameter: Sendable, Equatable {
  /// Where its first value lies, within the trained or the frozen parameters.
  let offset: Int
  /// [rows, columns]; a vector is one row.
  let rows: Int
  let columns: Int
  public let isTrained: Bool
}

/// One tensor of a module, as files and optimizers know it.
public struct ParameterTensor: Sendable {
  /// The name in files.
  public let name: String
  /// Row-major, outermost dimension first.
  public let shape: [Int]
  public let group: ParameterGroup
  public let isTrained: Bool
  /// Its elements within the trained or the frozen parameters.
  public let range: Range<Int>
  let initial: InitialValues
}

/// Places tensors one after another while a network is described, so that names, shapes and places are
/// written once: where the layer is.
public struct ParameterLayout: Sendable {
  public private(set) var tensors: [ParameterTensor] = []
  /// Elements of the trained parameters, padding included.
  public private(set) var trainedCount = 0
  /// Elements of the frozen parameters, padding included.
  public private(set) var frozenCount = 0
  /// The weights of linear layers so far, which are numbered.
  private(set) var linearWeights: [Parameter] = []
  public let training: TrainedParts

  public init(training: TrainedParts = .all) {
    self.training = training
  }

  /// Floats in a cache line, on which every tensor begins.
  private static let alignment = 16

  /// Adds a tensor, trained or not as its group is, and returns its place.
  ///
  /// - Parameter isTrained: what holds whatever its group is.
  public mutating func add(
    _ name: String, _ shape: [Int], _ group: ParameterGroup, _ initial: InitialValues,
    isTrained: Bool? = nil
  ) -> Parameter {
    let size = shape.reduce(1, *)
    let isTrained = isTrained ?? training.trains(group)
    let place = isTrained ? trainedCount : frozenCount
    tensors.append(
      ParameterTensor(
        name: name, shape: shape, group: group, isTrained: isTrained, range: place..<place + size,
        initial: initial))
    let end = (place + size + Self.alignment - 1) / Self.alignment * Self.alignment
    if isTrained { trainedCount = end } else { frozenCount = end }
    let columns = shape.last ?? 1
    return Parameter(
      offset: place, rows: columns == 0 ? 0 : size / columns, columns: columns,
      isTrained: isTrained)
  }

  /// Numbers a linear layer over a weight.
  mutating func number(_ weight: Parameter) -> Int {
    linearWeights.append(weight)
    return linearWeights.count - 1
  }
}
