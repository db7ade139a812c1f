import ModelFiles

extension RotaryDecoder {
  /// How far back each layer sees, nil: all; empty where nothing says that a layer has a window.
  static func windows(
    _ reader: ConfigurationReader, _ rule: RotaryDecoderTraits.Windows, layers: Int
  ) throws(ModelFileError) -> [Int?] {
    let types = try layerTypes(reader, layers: layers)
    switch rule {
    case .none:
      try reader.refuse(
        "use_sliding_window", unless: Checks.isFalse, supported: "use_sliding_window false")
      return try windows(types, nil, reader)
    case .everyLayer(let absent):
      // An absent key is not null here.
      let window =
        reader.object["sliding_window"] == nil ? absent : try reader.integer("sliding_window")
      if let types, types.contains(window == nil) {
        throw reader.unsupported(
          "layer_types", .string(window == nil ? "sliding_attention" : "full_attention"),
          supported: "layer_types as sliding_window says, for all layers")
      }
      return Array(repeating: window, count: layers)
    case .upperLayers:
      let isUsed = try reader.bool("use_sliding_window") ?? false
      guard isUsed else { return try windows(types, nil, reader) }
      let window = try reader.integer("sliding_window") ?? 4096
      let first = try reader.integer("max_window_layers") ?? 28
      return try windows(types ?? (0..<layers).map { $0 >= first }, window, reader)
    case .pattern(let period, let absent):
      let window = try reader.integer("sliding_window") ?? absent
      let period = try reader.integer("sliding_window_pattern") ?? period
      try Checks.require(
        "sliding_window_pattern", period, in: 1...Checks.mostLayers, file: reader.file)
      return try windows(
        types ?? (0..<layers).map { ($0 + 1) % period != 0 }, window, reader)
    }
  }

  /// The layers that `layer_types` says have a window; nil where it says nothing.
  private static func layerTypes(
    _ reader: ConfigurationReader, layers: Int
  ) throws(ModelFileError) -> [Bool]? {
    guard let types = try reader.strings("layer_types") else { return nil }
    guard types.count == layers else {
      throw .malformed(
        file: reader.file, item: "layer_types", expected: "\(layers) layers",
        found: "\(types.count)")
    }
    return try types.map { type throws(ModelFileError) in
      switch type {
      case "full_attention": return false
      case "sliding_attention": return true
      default:
        throw reader.unsupported(
          "layer_types", .string(type), supported: "full_attention and sliding_attention")
      }
    }
  }

  private static func windows(
    _ local: [Bool]?, _ window: Int?, _ reader: ConfigurationReader
  ) throws(ModelFileError) -> [Int?] {
    guard let local, local.contains(true) else { return [] }
    guard let window else {
      throw reader.unsupported(
        "layer_types", .string("sliding_attention"),
        supported: "layer_types full_attention throughout where no sliding window is in use")
    }
    return local.map { $0 ? window : nil }
  }
}
