import Foundation

/// The folder of a knowledge source whose weights come from a seed, with SmolLM2's manner of tokens: what
/// corpora of text need.
package struct TinySource {
  package let path: String
  private let family: TinyFamily
  private let shape: TinyShape
  private let spread: Float

  package var weights: String { path + "/model.safetensors" }

  /// Three layers, and an output layer of their own.
  package static let shape = TinyShape(
    width: 48, inner: 96, layers: 3, heads: 4, keyValueHeads: 2, vocabulary: 401, positions: 256,
    isTied: false)
  package static var width: Int { shape.width }

  /// Writes the folder.
  ///
  /// - Parameter hasTemplate: whether it has a chat template, SmolLM2's.
  package init(
    _ path: String, _ shape: TinyShape = shape, family: TinyFamily = .llama,
    spread: Float = 0.15, seed: UInt64 = 1, hasTemplate: Bool = true
  ) throws {
    self.path = path
    self.family = family
    self.shape = shape
    self.spread = spread
    try model(seed: seed).write(to: path)
    try FileManager.default.copyItem(
      atPath: Checkout.tokenizerVector("tiny-smollm.json"), toPath: path + "/tokenizer.json")
    guard hasTemplate else { return }
    let template = try String(
      contentsOfFile: Checkout.tokenizerVector("templates/smollm2.jinja"), encoding: .utf8)
    try JSONEncoder().encode(["chat_template": template, "eos_token": "<|im_end|>"])
      .write(to: URL(fileURLWithPath: path + "/tokenizer_config.json"))
  }

  /// Writes other weights in their place, but for a tensor that is to be missing.
  package func rewriteWeights(seed: UInt64, without missing: String? = nil) throws {
    let model = model(seed: seed)
    if let missing { model.remove(missing) }
    try model.writeWeights(weights)
  }

  private func model(seed: UInt64) -> TinyModel {
    TinyModel(family, shape, spread: .even(spread), seed: seed)
  }
}
