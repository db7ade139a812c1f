import ModelFiles
import Testing

/// One folder of a Llama family generator's vectors: its configuration, weights, what they give, and
/// what is trained is after ten steps.
struct LlamaGeneratorReference {
  /// What is trained, and the file of what ten steps make of it; the rest is frozen.
  enum Training: String, CaseIterable {
    case all = "after_10_adamw_steps"
    case bridge = "after_10_bridge_steps"
    case bridgeAndLoRA = "after_10_lora_steps"
  }

  /// The decoder's `config.json`.
  let configurationPath: String

  /// Bridge and decoder, before training.
  let weights: TensorCatalogue

  /// Low-rank additions in the decoder's projections, before training; nil in `aligned` conditioning.
  let lora: TensorCatalogue?

  let isAligned: Bool
  let vocabularySize: Int

  private let expected: TensorCatalogue
  private let expectedWithLoRA: TensorCatalogue?
  private let folder: String

  init(_ name: String) throws {
    folder = ReferenceFolder.path(name)
    configurationPath = "\(folder)/config.json"
    weights = try TensorCatalogue.open("\(folder)/weights.safetensors")
    expected = try TensorCatalogue.open("\(folder)/expected.safetensors")
    isAligned = weights.metadata["conditioning"] == "aligned"
    vocabularySize = try #require(weights.metadata["vocab"].flatMap { Int($0) })
    lora = isAligned ? nil : try TensorCatalogue.open("\(folder)/lora.safetensors")
    expectedWithLoRA =
      isAligned ? nil : try TensorCatalogue.open("\(folder)/expected_lora.safetensors")
  }

  /// What the folder has vectors of.
  var trainings: [Training] { isAligned ? [.all] : Training.allCases }

  /// A number in the metadata of the weights (`source_dim`, `bridge_heads`) or of LoRA (`rank`).
  func size(_ key: String) throws -> Int {
    try #require((weights.metadata[key] ?? lora?.metadata[key]).flatMap { Int($0) }, "\(key)")
  }

  /// The documents, with the logits that the weights give, with LoRA where it is trained.
  func documents(_ training: Training = .all) throws -> [ReferenceDocument] {
    let outputs = try outputs(training)
    guard !isAligned else { return try alignedDocuments() }
    var documents: [ReferenceDocument] = []
    while expected["\(documents.count).states"] != nil {
      let place = documents.count
      documents.append(
        ReferenceDocument(
          states: try expected.floats("\(place).states"),
          prompt: try expected.integers("\(place).prompt_ids").map { Int32($0) },
          response: try expected.integers("\(place).response_ids").map { Int32($0) },
          logits: try outputs.floats("\(place).logits"),
          plainLogits: try outputs.floats("\(place).plain_logits")))
    }
    return documents
  }

  /// The rows of `states` [B, T, source], `input_ids` [B, T] and `logits` [B, T, V].
  private func alignedDocuments() throws -> [ReferenceDocument] {
    let count = try #require(expected["input_ids"]?.shape.first)
    let ids = try expected.integers("input_ids").map { Int32($0) }
    let states = try expected.floats("states")
    let logits = try expected.floats("logits")
    func part<Element>(_ values: [Element], _ index: Int) -> [Element] {
      let size = values.count / count
      return Array(values[index * size..<(index + 1) * size])
    }
    return (0..<count).map {
      ReferenceDocument(
        states: part(states, $0), prompt: [], response: part(ids, $0), logits: part(logits, $0),
        plainLogits: nil)
    }
  }

  /// The mean loss of the documents before the first step.
  func loss(_ training: Training = .all) throws -> Double {
    Double(try #require(outputs(training).floats("loss").first))
  }

  /// The names of what is trained.
  func trainedNames(_ training: Training) throws -> [String] {
    let names = try outputs(training).names.filter { $0.hasPrefix("grad.") }.map {
      String($0.dropFirst("grad.".count))
    }
    return training == .bridge ? names.filter { $0.hasPrefix("bridge.") } : names
  }

  /// The gradient of a trained tensor before the first step.
  func gradient(_ training: Training, of name: String) throws -> [Float] {
    try outputs(training).floats("grad.\(name)")
  }

  /// What ten steps make of it, with `losses` and `gradient_norms` of each step.
  func after(_ training: Training) throws -> TensorCatalogue {
    try TensorCatalogue.open("\(folder)/\(training.rawValue).safetensors")
  }

  /// The shape of a tensor of the weights or of LoRA.
  func shape(of name: String) throws -> [Int] {
    try #require((weights[name] ?? lora?[name])?.shape, "\(name)")
  }

  private func outputs(_ training: Training) throws -> TensorCatalogue {
    training == .bridgeAndLoRA ? try #require(expectedWithLoRA) : expected
  }
}
