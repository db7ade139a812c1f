extension TensorCatalogue {
  /// What the names of a text model's tensors have in them where it is one of several models in its files.
  private static let part = "language_model."

  /// The text model of files that hold others beside it, as one that sees images: its own tensors alone, under the
  /// names that they have in its own folder. All others' are left out, so that its SHA-256 is that of the text model
  /// by itself. Where no name says that there are others, all tensors are the model's.
  ///
  /// A name is of the text model that begins with `language_model.`, as transformers wrote it up to 4.51 and as is
  /// published, or with `model.language_model.`, as it writes it since; there the output head, `lm_head.weight`, is
  /// outside.
  func textModel() throws(ModelFileError) -> TensorCatalogue {
    let own = entries.compactMap { entry in Self.ownName(entry.name).map(entry.renamed) }
    guard !own.isEmpty else { return self }
    return try TensorCatalogue(
      path: path, entries: own + [self["lm_head.weight"]].compactMap(\.self), metadata: metadata)
  }

  /// A tensor's name without what says that it is the text model's; nil: it is not.
  private static func ownName(_ name: String) -> String? {
    for outer in ["", "model."] where name.hasPrefix(outer + part) {
      return outer + name.dropFirst((outer + part).count)
    }
    return nil
  }
}
