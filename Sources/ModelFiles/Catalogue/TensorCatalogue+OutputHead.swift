extension TensorCatalogue {
  /// The name of the tensor that turns final states into logits, [vocabulary, width].
  ///
  /// Untied, it is `lm_head.weight`. Tied, it is the embedding; files may store a copy under
  /// `lm_head.weight`, and one that differs is a contradiction, thrown as `mismatch`.
  public func outputHead(
    for configuration: TransformerConfiguration
  ) throws(ModelFileError) -> String {
    let head = "lm_head.weight"
    guard configuration.tiedEmbeddings else { return head }
    let embedding = configuration.embeddingName
    if let copy = self[head], let original = self[embedding] {
      guard try equal(copy, original) else {
        throw .mismatch(
          file: path, item: "tensor \(head)",
          expected: "a copy of \(embedding), as tie_word_embeddings says", found: "other values")
      }
    }
    return embedding
  }

  private func equal(_ first: TensorEntry, _ second: TensorEntry) throws(ModelFileError) -> Bool {
    guard first.shape == second.shape else { return false }
    if first.elementType == second.elementType, first.rowOrder == second.rowOrder {
      return first.withBytes { a in second.withBytes { b in a.elementsEqual(b) } }
    }
    return try floats(first.name) == floats(second.name)
  }
}
