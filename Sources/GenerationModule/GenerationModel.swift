/// A generation module that can be trained. Passes over batches; not for more than one thread.
///
/// A batch's documents lie one after another without padding, and no document's result depends on the
/// others. Nothing depends on the number of threads.
public protocol GenerationModel: AnyObject {
  var configuration: GeneratorConfiguration { get }
  var parameters: ParameterSet { get }

  /// Tokens of a document that the loss is over.
  func lossTokenCount(
    of document: GenerationDocument, loss: LossScope
  ) throws(GenerationModuleError) -> Int

  /// Adds to `parameters.gradients` those of the summed loss times `lossScale`: one over the tokens
  /// of a step gives the gradients of its mean loss, over as many batches as the step has.
  func forwardBackward(
    _ documents: [GenerationDocument], loss: LossScope, lossScale: Float, dropout: DropoutPlan?
  ) throws(GenerationModuleError) -> BatchResult

  /// The summed loss alone, in less memory.
  func evaluate(
    _ documents: [GenerationDocument], loss: LossScope
  ) throws(GenerationModuleError) -> BatchResult

  /// The logits [T, vocabulary] of every position of one document: in `prompt` of the embedded
  /// prompt and the response, in `aligned` of all tokens.
  func logits(_ document: GenerationDocument) throws(GenerationModuleError) -> [Float]
}

extension GeneratorConfiguration {
  /// A module of this configuration with values drawn from `seed`.
  public func makeModel(seed: UInt64) throws(GenerationModuleError) -> any GenerationModel {
    switch conditioning {
    case .prompt: try PromptGenerator(self, seed: seed)
    case .aligned: try AlignedGenerator(self, seed: seed)
    }
  }
}
