import ModelFiles

/// A kind of tokenizer: a model, what files call it, and what may stand around it.
protocol TokenizerKind: Sendable {
  /// What a person calls it, in errors.
  var name: String { get }

  /// `model.type` in a `tokenizer.json`.
  var jsonType: String { get }

  /// `tokenizer.ggml.model` in a GGUF file.
  var ggufModel: String { get }

  /// `format` in the serialized form.
  var format: String { get }

  var normalizers: [any Normalizer.Type] { get }
  var preTokenizers: [any PreTokenizer.Type] { get }
  var postProcessors: [any PostProcessor] { get }
  var decoders: [any TokenDecoder.Type] { get }

  /// The decoder where a file names none; the serialized form leaves it out.
  var usualDecoder: any TokenDecoder { get }

  /// The JSON of the post-processing that this kind has by itself, whatever goes around a text; nil
  /// where there is none.
  var usualPostProcessor: String? { get }

  /// What to do about a file that names other parts.
  var advice: RefusalAdvice { get }

  /// Whether a `tokenizer.json` whose model has the ``jsonType`` is one of this kind.
  func reads(_ root: FieldReader, model: FieldReader) throws(TokenizerError) -> Bool

  /// Reads the `model` section of a `tokenizer.json`.
  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection

  /// Reads the metadata of a GGUF file.
  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts

  /// Reads what the model wrote into the serialized form.
  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel

  /// Refuses a `tokenizer_config.json` that asks for something else than `parts` say.
  func check(configuration: FieldReader, _ parts: TokenizerParts) throws(TokenizerError)
}

extension TokenizerKind {
  var usualPostProcessor: String? { nil }

  func reads(_ root: FieldReader, model: FieldReader) -> Bool { true }

  func check(configuration: FieldReader, _ parts: TokenizerParts) {}
}

/// The advice at the end of a refusal, by what is refused.
struct RefusalAdvice: Sendable {
  let normalizer: String
  let preTokenizer: String
  let postProcessor: String
  let decoder: String
}

/// The kinds of tokenizers that are known.
struct TokenizerRegistry: Sendable {
  let kinds: [any TokenizerKind]

  static let builtIn = TokenizerRegistry(kinds: [
    SentencePieceKind(), BytePairKind(), WordPieceKind(), UnigramKind(),
  ])

  /// The kind of a `tokenizer.json` by its `model` section, and by what it says of the rest where
  /// several have models of that type.
  func kind(
    json root: FieldReader, model: FieldReader
  ) throws(TokenizerError) -> any TokenizerKind {
    // Files older than the key are BPE when they have merges.
    let type = try model.string("type") ?? (model.value("merges") == nil ? "nameless" : "BPE")
    for kind in kinds where kind.jsonType.utf8.elementsEqual(type.utf8) {
      if try kind.reads(root, model: model) { return kind }
    }
    throw .unsupported(
      file: model.file, item: model.name("type"), found: type,
      advice: "use a \(list(kinds.map(\.name))) tokenizer")
  }

  /// The kind of a GGUF file.
  func kind(gguf: GGUFFields) throws(TokenizerError) -> any TokenizerKind {
    let model = try gguf.string("tokenizer.ggml.model") ?? "absent"
    guard let kind = kinds.first(where: { $0.ggufModel.utf8.elementsEqual(model.utf8) }) else {
      let names = list(kinds.map { "\($0.name) (\"\($0.ggufModel)\")" })
      throw .unsupported(
        file: gguf.file, item: "tokenizer.ggml.model", found: quoted(model),
        advice: "use a model with a \(names) tokenizer")
    }
    return kind
  }

  /// The kind of a serialized tokenizer.
  func kind(serialized root: FieldReader) throws(TokenizerError) -> any TokenizerKind {
    let format = try root.string("format") ?? "absent"
    guard let kind = kinds.first(where: { $0.format.utf8.elementsEqual(format.utf8) }) else {
      throw .unsupported(
        file: root.file, item: "format", found: quoted(format),
        advice: "use a version of denju that writes it, or make it again from the model")
    }
    return kind
  }

  private func list(_ names: [String]) -> String { names.joined(separator: " or ") }
}
