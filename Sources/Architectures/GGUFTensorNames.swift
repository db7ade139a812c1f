import ModelFiles

/// What llama.cpp calls a family's tensors.
struct GGUFTensorNames: Sendable {
  /// What the names of a layer's tensors begin with, before its number.
  let layers: String
  /// Modules of a layer, and of the whole, by the family's names.
  let modules: [String: String]
  let whole: [String: String]

  private static let suffixes = [".weight", ".bias"]

  /// The name in GGUF, of a name that ends in `.weight` or `.bias`; nil: it has none.
  func stored(_ name: String) -> String? {
    guard let suffix = Self.suffixes.first(where: name.hasSuffix) else { return nil }
    let module = String(name.dropLast(suffix.count))
    if let known = whole[module] { return known + suffix }
    guard module.hasPrefix(layers) else { return nil }
    let parts = module.dropFirst(layers.count).split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let known = modules[String(parts[1])] else { return nil }
    return "blk.\(parts[0]).\(known)\(suffix)"
  }

  /// Whether the family has a tensor of that name in GGUF.
  func has(_ name: String) -> Bool {
    guard let suffix = Self.suffixes.first(where: name.hasSuffix) else { return false }
    let module = name.dropLast(suffix.count)
    if whole.values.contains(where: { $0 == module }) { return true }
    let parts = module.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0,
      parts[1] == String(layer)
    else { return false }
    return modules.values.contains { $0 == parts[2] }
  }
}
