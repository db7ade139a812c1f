import ModelFiles

extension PromptGenerator {
  /// Around the GPT-Neo weights of a Hugging Face folder (`transformer.*`). What the bridge reads
  /// begins as exactly zero, so the first logits are the plain model's.
  public convenience init(
    pretrained folder: ModelFolder, _ configuration: GeneratorConfiguration, seed: UInt64
  ) throws(GenerationModuleError) {
    try self.init(configuration, start: .shut, seed: seed)
    let catalogue = try readingFiles { () throws(ModelFileError) in try folder.catalogue() }
    try parameters.read(from: catalogue) { tensor in
      tensor.group == .generator
        ? tensor.name.replacing("gpt.", with: "transformer.", maxReplacements: 1) : nil
    }
  }
}
