import ModelFiles

extension Tokenizer {
  /// The files that a Hugging Face folder describes this tokenizer by: `tokenizer.json`, and
  /// `tokenizer_config.json` with the end token. Nil where they would describe another, as for a kind or a frame
  /// that is not written: what is given was read back, and is equal.
  ///
  /// - Parameter jinja: the chat template's text, which a tokenizer itself does not keep; without it the files
  ///   have no template, and are equal but for that.
  package func huggingFaceFiles(jinja: [UInt8]?) -> [(name: String, contents: [UInt8])]? {
    guard let model = definition.model as? BytePairModel else { return nil }
    let (json, configuration) = (tokenizerJSON(model), configurationJSON(jinja: jinja))
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

  private func tokenizerJSON(_ model: BytePairModel) -> [UInt8] {
    let byteLevel =
      #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("version", "1.0")
    writer.key("added_tokens")
    writer.list(definition.addedTokens) { $1.write(to: &$0) }
    writer.member(
      "normalizer", json: definition.normalizer.name == FormC().name ? #"{"type":"NFC"}"# : "null")
    writer.member("pre_tokenizer", json: type(of: definition.preTokenizer).json)
    writer.member("post_processor", json: byteLevel)
    writer.member("decoder", json: byteLevel)
    writer.key("model")
    writer.open("{")
    writer.member("type", "BPE")
    writer.member("ignore_merges", model.ignoresMerges)
    writer.key("vocab")
    writer.open("{")
    for (id, spelling) in model.spellings.enumerated() {
      if let spelling { writer.member(String(decoding: spelling, as: UTF8.self), Int32(id)) }
    }
    writer.close("}")
    writer.key("merges")
    writer.list(model.merges.merges) { writer, merge in
      writer.list([merge.left, merge.right]) { $0.value(model.spellings[Int($1)]) }
    }
    writer.close("}")
    writer.close("}")
    return writer.bytes
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
