extension TensorCatalogue {
  /// Throws `mismatch` where a copy of a tensor that is said to be tied to it differs from it.
  package func checkTied(_ copy: String, to name: String) throws(ModelFileError) {
    guard let stored = self[copy], let original = self[name] else { return }
    guard try equal(stored, original) else {
      throw .mismatch(
        file: path, item: "tensor \(copy)",
        expected: "a copy of \(name), as tie_word_embeddings says", found: "other values")
    }
  }

  private func equal(_ first: TensorEntry, _ second: TensorEntry) throws(ModelFileError) -> Bool {
    guard first.shape == second.shape else { return false }
    if first.elementType == second.elementType, first.rowOrder == second.rowOrder {
      return first.withBytes { a in second.withBytes { b in a.elementsEqual(b) } }
    }
    return try floats(first.name) == floats(second.name)
  }
}
