import Generators
import Layers
import ModelFiles
import Numerics
import Testing

/// One folder of the LLM Modules vectors: weights, what they give, and the weights after ten steps.
struct LLMModulesReference {
  let name: String
  let expected: TensorCatalogue
  let after: TensorCatalogue
  let model: Generator

  init(_ name: String) throws {
    self.name = name
    expected = try TensorCatalogue.open(ReferenceFolder.path("\(name)/expected.safetensors"))
    after = try TensorCatalogue.open(
      ReferenceFolder.path("\(name)/after_10_adamw_steps.safetensors"))
    model = try WeightsImport.open(ReferenceFolder.path("\(name)/weights.safetensors"))
  }

  /// The documents of `{i}.states`, `{i}.prompt_ids` and `{i}.response_ids`.
  func promptDocuments() throws -> [(document: GeneratorDocument, logits: [Float])] {
    var documents: [(GeneratorDocument, [Float])] = []
    while expected["\(documents.count).states"] != nil {
      let place = documents.count
      let document = GeneratorDocument(
        states: [try expected.floats("\(place).states")],
        prompt: try expected.integers("\(place).prompt_ids").map { Int32($0) },
        response: try expected.integers("\(place).response_ids").map { Int32($0) })
      documents.append((document, try expected.floats("\(place).logits")))
    }
    try #require(!documents.isEmpty, "\(name) has no document")
    return documents
  }

  /// The documents of `states` [B, T, source] and `input_ids` [B, T].
  func alignedDocuments() throws -> [(document: GeneratorDocument, logits: [Float])] {
    let states = try expected.floats("states")
    let logits = try expected.floats("logits")
    let ids = try expected.integers("input_ids").map { Int32($0) }
    let shape = try #require(expected["input_ids"]).shape
    let (count, length) = (shape[0], shape[1])
    try #require(count > 0 && length > 1, "\(name) has no document")
    func part(_ values: [Float], _ index: Int) -> [Float] {
      let size = values.count / count
      return Array(values[index * size..<(index + 1) * size])
    }
    return (0..<count).map { index in
      (
        GeneratorDocument(
          states: [part(states, index)], prompt: [],
          response: Array(ids[index * length..<(index + 1) * length])),
        part(logits, index)
      )
    }
  }

  /// Logits within 1e-5, the loss within 1e-4 of itself, and every gradient g against its reference
  /// r: ‖g - r‖ <= 1e-4 ‖r‖ + 1e-7, as the vectors' README asks.
  func checkLogitsLossAndGradients(
    _ documents: [(document: GeneratorDocument, logits: [Float])], loss: LossScope
  ) throws {
    for (document, logits) in documents {
      #expect(worstAbsoluteError(try model.logits(document), logits) <= 1e-5)
    }
    let batch = documents.map(\.document)
    let tokens = try batch.reduce(0) { try $0 + model.lossTokenCount(of: $1, loss: loss) }
    model.parameters.clearGradients()
    let result = try model.forwardBackward(
      batch, loss: loss, lossScale: 1 / Float(tokens), dropout: nil)
    #expect(result.tokenCount == tokens)
    let reference = Double(try expected.floats("loss")[0])
    #expect(abs(result.lossSum / Double(tokens) - reference) <= 1e-4 * reference)
    #expect(try model.evaluate(batch, loss: loss).lossSum == result.lossSum)

    #expect(!model.parameters.tensors.isEmpty)
    for tensor in model.parameters.tensors {
      let gradient = Array(model.parameters.gradients(of: tensor))
      let reference = try expected.floats("grad.\(tensor.name)", shape: tensor.shape)
      let error = distance(gradient, reference)
      #expect(error <= 1e-4 * norm(reference) + 1e-7, "\(tensor.name): \(error)")
    }
    // Each has one of ours: none is left out.
    let named = Set(model.parameters.tensors.map { "grad.\($0.name)" })
    #expect(expected.names.filter { $0.hasPrefix("grad.") && !named.contains($0) }.isEmpty)
  }

  /// Ten steps of AdamW with the settings that the file states; losses and weights within 1e-4.
  func checkTenSteps(_ documents: [GeneratorDocument], loss: LossScope) throws {
    let parameters = model.parameters
    let stated = try OptimizerStatement(try #require(after.metadata["optimizer"]))
    let optimizer = AdamW(count: parameters.count, settings: stated.settings)
    let groups = ParameterGroup.allCases.map {
      AdamW.Group(
        range: parameters.range(of: $0),
        learningRate: $0 == .bridge ? stated.bridgeRate : stated.generatorRate)
    }
    let tokens = try documents.reduce(0) { try $0 + model.lossTokenCount(of: $1, loss: loss) }
    let losses = try after.floats("losses")
    #expect(losses.count == 10)
    for reference in losses {
      parameters.clearGradients()
      let result = try model.forwardBackward(
        documents, loss: loss, lossScale: 1 / Float(tokens), dropout: nil)
      #expect(abs(result.lossSum / Double(tokens) - Double(reference)) <= 1e-4 * Double(reference))
      let norm = GradientClipping.norm(parameters.gradients, count: parameters.count)
      optimizer.step(
        parameters.values, parameters.gradients, groups: groups,
        gradientScale: GradientClipping.scale(norm: norm, limit: stated.clip))
    }
    for tensor in parameters.tensors {
      let ours = Array(parameters.values(of: tensor))
      let reference = try after.floats(tensor.name, shape: tensor.shape)
      if tensor.name.hasSuffix("k_proj.bias") {
        // Softmax does not see a key bias: its true gradient is zero, and what moves is rounding.
        #expect(worstAbsoluteError(ours, reference) <= 2e-3, "\(tensor.name)")
      } else {
        let error = distance(ours, reference)
        #expect(error <= 1e-4 * norm(reference), "\(tensor.name): \(error / norm(reference))")
      }
    }
  }
}

/// The optimizer as the vectors' metadata words it: "AdamW betas 0.9 0.999 eps 1e-8 weight_decay 0.01
/// ..., bridge lr 1e-3, generator lr 5e-4, clip_grad_norm 1.0 ...".
struct OptimizerStatement {
  let settings: AdamW.Settings
  let bridgeRate: Double
  let generatorRate: Double
  let clip: Double

  init(_ text: String) throws {
    let words = text.split { $0 == " " || $0 == "," }.map(String.init)
    func number(after phrase: String, _ offset: Int = 0) throws -> Double {
      let wanted = phrase.split(separator: " ").map(String.init)
      let place = try #require(
        words.indices.first { words[$0...].starts(with: wanted) }, "\(phrase) in \(text)")
      return try #require(Double(words[place + wanted.count + offset]))
    }
    settings = AdamW.Settings(
      beta1: try number(after: "betas"), beta2: try number(after: "betas", 1),
      epsilon: try number(after: "eps"), weightDecay: try number(after: "weight_decay"))
    bridgeRate = try number(after: "bridge lr")
    generatorRate = try number(after: "generator lr")
    clip = try number(after: "clip_grad_norm")
  }
}

/// ‖x‖
func norm(_ x: [Float]) -> Double {
  x.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// ‖x - y‖
func distance(_ x: [Float], _ y: [Float]) -> Double {
  zip(x, y).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
    .squareRoot()
}
