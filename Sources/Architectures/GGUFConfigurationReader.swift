import Layers
import ModelFiles

/// The metadata of a GGUF file of one architecture, by keys without its name.
struct GGUFConfigurationReader {
  let gguf: GGUFFile
  /// `general.architecture`, with which its keys begin.
  let name: String

  init(_ gguf: GGUFFile, _ name: String) {
    self.gguf = gguf
    self.name = name
  }

  func key(_ suffix: String) -> String { "\(name).\(suffix)" }
  func has(_ suffix: String) -> Bool { gguf.contains(key(suffix)) }

  func integer(_ suffix: String) throws(ModelFileError) -> Int {
    Int(try gguf.integer(key(suffix)))
  }

  /// An integer, or one a layer that are all equal.
  func uniformInteger(_ suffix: String) throws(ModelFileError) -> Int {
    try gguf.uniformInteger(key(suffix))
  }

  func requiredFloat(_ suffix: String) throws(ModelFileError) -> Float {
    try gguf.float(key(suffix))
  }

  /// Nil where the key is absent.
  func float(_ suffix: String) throws(ModelFileError) -> Float? {
    has(suffix) ? try gguf.float(key(suffix)) : nil
  }

  /// A token id under a key of its whole name; nil where it is absent.
  func tokenID(_ key: String) throws(ModelFileError) -> Int32? {
    guard gguf.contains(key) else { return nil }
    let value = try gguf.integer(key)
    guard let id = Int32(exactly: value) else {
      throw .malformed(
        file: gguf.path, item: "metadata key \(key)", expected: "a token id", found: "\(value)")
    }
    return id
  }

  /// The rows of the embedding, which `vocab_size` must not contradict.
  func vocabularySize() throws(ModelFileError) -> Int {
    let rows = try rows(of: "token_embd.weight")
    guard has("vocab_size") else { return rows }
    let size = try integer("vocab_size")
    guard size == rows else {
      throw .malformed(
        file: gguf.path, item: "metadata key \(key("vocab_size"))",
        expected: "the embedding's \(rows) rows", found: "\(size)")
    }
    return rows
  }

  func rows(of tensor: String) throws(ModelFileError) -> Int {
    guard let rows = gguf.tensors.first(where: { $0.name == tensor })?.shape.first else {
      throw .missing(
        file: gguf.path, item: "tensor \(tensor)",
        advice: "use a file that holds weights, not a vocabulary alone")
    }
    return rows
  }

  func headSize(width: Int, heads: Int) throws(ModelFileError) -> Int {
    var headSize: Int
    if has("attention.key_length") {
      headSize = try integer("attention.key_length")
    } else {
      guard heads > 0, width % heads == 0 else {
        throw .malformed(
          file: gguf.path, item: key("attention.head_count"),
          expected: "a divisor of the width \(width)", found: "\(heads)")
      }
      headSize = width / heads
    }
    try Checks.require("head size", headSize, in: 1...Checks.largestHead, file: gguf.path)
    guard has("attention.value_length") else { return headSize }
    let value = try integer("attention.value_length")
    guard value == headSize else {
      throw .unsupported(
        file: gguf.path, item: key("attention.value_length"), found: "\(value)",
        supported: "\(key("attention.value_length")) \(headSize), a head's")
    }
    return headSize
  }

  /// How far back each layer sees, nil: all; empty where all see all.
  func windows(
    _ rule: RotaryDecoderTraits.Windows, layers: Int
  ) throws(ModelFileError) -> [Int?] {
    guard has("attention.sliding_window") else { return [] }
    let window = try integer("attention.sliding_window")
    guard window > 0 else { return [] }
    switch rule {
    // Another than one that hides nothing was refused.
    case .none, .upperLayers: return []
    case .everyLayer: return Array(repeating: window, count: layers)
    case .pattern(let period, _):
      let pattern = key("attention.sliding_window_pattern")
      switch gguf.metadata[pattern] {
      case .array?:
        let local = try gguf.bools(pattern)
        try Checks.require(
          "metadata key \(pattern): its layers", local.count, in: layers...layers, file: gguf.path)
        return local.map { $0 ? window : nil }
      case let said:
        let period = said == nil ? period : Int(try gguf.integer(pattern))
        try Checks.require(
          "metadata key \(pattern)", period, in: 1...Checks.mostLayers, file: gguf.path)
        return (0..<layers).map { ($0 + 1) % period != 0 ? window : nil }
      }
    }
  }
}

// Refusals.
extension GGUFConfigurationReader {
  /// Refuses keys of the architecture that are not known, unless they have the value that means nothing.
  func refuseKeys(except known: Set<String>) throws(ModelFileError) {
    let context = gguf.metadata[key("context_length")]?.integer
    for key in gguf.keys where key.hasPrefix("\(name).") {
      guard let value = gguf.metadata[key] else { continue }
      let suffix = String(key.dropFirst(name.count + 1))
      guard known.contains(suffix) || Self.isNeutral(suffix, value, context: context) else {
        throw .unsupported(
          file: gguf.path, item: "metadata key \(key)", found: value.description,
          supported: "\(key) absent")
      }
    }
    if let parts = gguf.metadata["split.count"]?.integer, parts > 1 {
      throw .unsupported(
        file: gguf.path, item: "metadata key split.count", found: "\(parts)",
        supported: "one file: merge the parts with llama-gguf-split --merge")
    }
  }

  func refuseTensors(unless isKnown: (String) -> Bool) throws(ModelFileError) {
    for tensor in gguf.tensors where !isKnown(tensor.name) {
      throw .unsupported(
        file: gguf.path, item: "tensor \(tensor.name)", found: "part of the model",
        supported: "the \(name) architecture's own tensors alone")
    }
  }

  /// Whether a key, which other models give another meaning, has the value that means nothing.
  private static func isNeutral(_ suffix: String, _ value: GGUFValue, context: Int64?) -> Bool {
    switch suffix {
    case "rope.scale_linear":
      return value.number == 1
    case "rope.scaling.finetuned":
      return value == .bool(false)
    case "expert_count", "expert_used_count":
      return value.integer == 0
    case "attention.causal":
      return value == .bool(true)
    case "attention.sliding_window":
      // A window no shorter than the context hides nothing.
      guard let window = value.integer, let context else { return false }
      return window == 0 || window >= context
    default:
      return false
    }
  }
}
