extension GGUFFile {
  /// Whether it is of an architecture whose tensors get Hugging Face's names.
  var hasHuggingFaceNames: Bool {
    ["llama", "qwen2"].contains { metadata["general.architecture"] == .string(Array($0.utf8)) }
  }

  /// The tensors as Hugging Face names and orders them. Tensors and architectures that have no
  /// Hugging Face name here keep their own, so that any file can be looked into.
  func entries() throws(ModelFileError) -> [TensorEntry] {
    let architecture =
      contains("general.architecture") ? try string("general.architecture") : "unknown"
    return try tensors.map { (tensor) throws(ModelFileError) in
      let name =
        hasHuggingFaceNames ? GGUFNames.huggingFaceName(tensor.name) ?? tensor.name : tensor.name
      let order = architecture == "llama" ? try rowOrder(name, tensor) : .plain
      return try TensorEntry(
        name: name, storedName: tensor.name, shape: tensor.shape, elementType: tensor.elementType,
        rowOrder: order, file: file, offset: tensor.offset)
    }
  }

  /// The converter of LlamaForCausalLM permutes query and key rows, biases too; that of
  /// Qwen2ForCausalLM does not.
  private func rowOrder(_ name: String, _ tensor: GGUFTensor) throws(ModelFileError) -> RowOrder {
    let heads: Int
    if name.contains(".self_attn.q_proj.") {
      heads = try uniformInteger("llama.attention.head_count")
    } else if name.contains(".self_attn.k_proj.") {
      heads = try uniformInteger(
        contains("llama.attention.head_count_kv")
          ? "llama.attention.head_count_kv" : "llama.attention.head_count")
    } else {
      return .plain
    }
    let rows = tensor.shape.first ?? 1
    guard heads > 0, rows % heads == 0, rows / heads % 2 == 0 else {
      throw .malformed(
        file: path, item: "tensor \(tensor.name)",
        expected: "rows for \(heads) heads of an even size", found: "shape \(tensor.shape)")
    }
    guard tensor.shape.count > 1 || tensor.elementType.blockElements == 1 else {
      throw .unsupported(
        file: path, item: "the type of bias \(tensor.name)", found: tensor.elementType.rawValue,
        supported: "F32, F16 or BF16")
    }
    return .rotaryPairs(heads: heads)
  }

  /// A tensor's elements as float32. Throws as `TensorCatalogue.floats`.
  package func floats(ofTensor name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
    try TensorCatalogue(self).floats(name, shape: shape)
  }

  /// An integer, or an array of one integer a layer that are all equal.
  package func uniformInteger(_ key: String) throws(ModelFileError) -> Int {
    guard case .array? = metadata[key] else {
      return Int(try integer(key))
    }
    let values = try integers(key)
    guard let first = values.first, values.allSatisfy({ $0 == first }) else {
      throw .unsupported(
        file: path, item: "metadata key \(key)", found: "different from layer to layer",
        supported: "one value for all layers")
    }
    return Int(first)
  }
}
