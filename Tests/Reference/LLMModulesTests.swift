import GenerationModule
import Testing

/// The generation module against independent PyTorch code: logits, loss, every gradient, and ten
/// steps of training, in both conditionings and both masks.
@Suite(.serialized) struct LLMModulesTests {
  private static let absent: Comment = "the folder of vectors lacks some of the LLM Modules'"

  static let prompt = "llm-modules-prompt"
  static let aligned = ["llm-modules-causal", "llm-modules-published"]

  @Test(.enabled(if: ReferenceFolder.has(prompt), absent))
  func promptLogitsLossAndGradients() throws {
    let reference = try LLMModulesReference(Self.prompt)
    try reference.checkLogitsLossAndGradients(reference.promptDocuments(), loss: .response)
  }

  @Test(.enabled(if: ReferenceFolder.has(prompt), absent))
  func promptAfterTenSteps() throws {
    let reference = try LLMModulesReference(Self.prompt)
    try reference.checkTenSteps(reference.promptDocuments().map(\.document), loss: .response)
  }

  @Test(.enabled(if: aligned.allSatisfy(ReferenceFolder.has), absent), arguments: aligned)
  func alignedLogitsLossAndGradients(_ name: String) throws {
    let reference = try LLMModulesReference(name)
    #expect(
      reference.model.configuration.bridgeMask == (name.hasSuffix("causal") ? .causal : .published))
    try reference.checkLogitsLossAndGradients(reference.alignedDocuments(), loss: .all)
  }

  @Test(.enabled(if: aligned.allSatisfy(ReferenceFolder.has), absent), arguments: aligned)
  func alignedAfterTenSteps(_ name: String) throws {
    let reference = try LLMModulesReference(name)
    try reference.checkTenSteps(reference.alignedDocuments().map(\.document), loss: .all)
  }
}
