import ModelFiles

extension Tokenizer {
  /// The files that a Hugging Face folder describes this tokenizer by: `tokenizer.json`, and
  /// `tokenizer_config.json` with the end token. Nil where they would describe another, as for a kind or a frame
  /// that is not written: what is given was read back, and is equal.
  ///
  /// - Parameter jinja: the chat template's text, which a tokenizer itself does not keep; without it the files
  ///   have no template, and are equal but for that.
  package func huggingFaceFiles(jinja: [UInt8]?) -> [(name: String, contents: [UInt8])]? {
    guard let json = tokenizerJSON() else { return nil }
    let configuration = configurationJSON(jinja: jinja)
    guard let read = try? Tokenizer(json: json, configJSON: configuration),
      jinja == nil
        ? read.fingerprint == withoutTemplate?.fingerprint : read.fingerprint == fingerprint
    else { return nil }
    return [("tokenizer.json", json), ("tokenizer_config.json", configuration)]
  }

  /// The same without a chat template.
  package var withoutTemplate: Tokenizer? {
    var definition = definition
    (definition.template, definition.templateSHA256) = (nil, nil)
    return try? Tokenizer(definition, file: "tokenizer")
  }

  private func tokenizerJSON() -> [UInt8]? {
    guard let normalizer = definition.normalizer.json, let decoder = definition.decoder.json else {
      return nil
    }
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("version", "1.0")
    writer.key("added_tokens")
    writer.list(definition.addedTokens) { $1.write(to: &$0) }
    writer.member("normalizer", json: normalizer)
    writer.member("pre_tokenizer", json: definition.preTokenizer.json)
    writer.member("post_processor", json: postProcessorJSON)
    writer.member("decoder", json: decoder)
    writer.key("model")
    writer.open("{")
    guard definition.model.writeHuggingFace(&writer, vocabulary: listedVocabulary) else {
      return nil
    }
    writer.close("}")
    writer.close("}")
    return writer.bytes
  }

  /// The tokens with their ids, added ones too where others come after them: `tokenizers` counts on
  /// from the number of those listed, and takes no added token's id from the file.
  private var listedVocabulary: [(spelling: [UInt8], id: Int32)] {
    let spellings = definition.model.spellings
    let count = (spellings.lastIndex { $0 != nil } ?? -1) + 1
    return spellings.prefix(count).enumerated().compactMap { index, spelling in
      let id = Int32(truncatingIfNeeded: index)
      return (spelling ?? addedToken(id)?.content).map { ($0, id) }
    }
  }

  /// What the kind has by itself, and the tokens around a text.
  private var postProcessorJSON: String {
    let steps = [definition.kind.usualPostProcessor, frameJSON].compactMap(\.self)
    switch steps.count {
    case 0: return "null"
    case 1: return steps[0]
    default: return #"{"type":"Sequence","processors":[\#(steps.joined(separator: ","))]}"#
    }
  }

  /// A template that puts the tokens around a text, or around two; nil where there are none.
  private var frameJSON: String? {
    let frame = definition.frame
    let tokens = [frame.beginID, frame.closingID].compactMap { $0.flatMap { addedToken($0) } }
    guard !tokens.isEmpty else { return nil }
    func template(_ names: [String]) -> String {
      let texts = names.enumerated().map {
        #"{"Sequence":{"id":"\#($1)","type_id":\#($0)}}"#
      }
      let before = frame.beginID.map { [special($0)] } ?? []
      let after = frame.closingID.map { [special($0)] } ?? []
      return "[" + (before + texts + after).joined(separator: ",") + "]"
    }
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("type", "TemplateProcessing")
    writer.member("single", json: template(["A"]))
    writer.member("pair", json: template(["A", "B"]))
    writer.key("special_tokens")
    writer.open("{")
    for token in tokens {
      let spelling = String(decoding: token.content, as: UTF8.self)
      writer.key(spelling)
      writer.open("{")
      writer.member("id", spelling)
      writer.key("ids")
      writer.list([token.id]) { $0.value($1) }
      writer.key("tokens")
      writer.list([token.content]) { $0.value($1) }
      writer.close("}")
    }
    writer.close("}")
    writer.close("}")
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func special(_ id: Int32) -> String {
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("id", addedToken(id)?.content)
    writer.member("type_id", Int32(0))
    writer.close("}")
    return #"{"SpecialToken":\#(String(decoding: writer.bytes, as: UTF8.self))}"#
  }

  private func configurationJSON(jinja: [UInt8]?) -> [UInt8] {
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("tokenizer_class", "PreTrainedTokenizerFast")
    if let id = definition.endOfTextID,
      let token = definition.addedTokens.first(where: { $0.id == id })
    {
      writer.member("eos_token", token.content)
    }
    if let jinja { writer.member("chat_template", jinja) }
    writer.close("}")
    return writer.bytes
  }
}
