import ModelFiles

/// A model of several kinds of input, as text and images, around a text model of a family. Its `config.json` has the
/// text model's in `text_config`; the text model alone is read, and has the identity that it has in its own folder.
public struct EnclosingModel: Sendable {
  /// The `model_type` that a `config.json` says it by.
  public let modelType: String
  /// Its classes in transformers.
  let classes: Set<String>
  /// What keys of `text_config` mean where they are absent, as published files leave out what is usual.
  let defaults: [String: JSONValue]

  public init(modelType: String, classes: Set<String>, defaults: [String: JSONValue] = [:]) {
    self.modelType = modelType
    self.classes = classes
    self.defaults = defaults
  }

  /// The text model's configuration, as its own folder would have it.
  func text(
    _ reader: ConfigurationReader, _ family: any Architecture.Type
  ) throws(ModelFileError) -> ConfigurationReader {
    try Checks.refuseUnimplemented(reader, classes: classes)
    guard let value = reader.value("text_config") else { throw reader.missing("text_config") }
    let inner = try ConfigurationReader(value, file: reader.file)
    try inner.refuse(
      "model_type", unless: { Checks.isText($0, family.modelType) },
      supported: "model_type \(family.modelType) in text_config")
    let tied = "tie_word_embeddings"
    if let outer = try reader.bool(tied), let own = try inner.bool(tied), outer != own {
      throw reader.unsupported(tied, .bool(outer), supported: "\(tied) as text_config says")
    }
    var values: [String: JSONValue] = [:]
    for key in [tied, "bos_token_id", "eos_token_id"] { values[key] = reader.value(key) }
    return inner.with(values, defaults: defaults)
  }
}
