import Generators
import Testing

/// A GPT-Neo generator against independent PyTorch code: logits, loss, every gradient, and ten
/// steps of training, in both conditionings and both masks.
@Suite(.serialized) struct LLMModulesTests {
  static let prompt = "llm-modules-prompt"
  static let causal = "llm-modules-causal"
  static let published = "llm-modules-published"

  @Test(.vectors(prompt)) func promptLogitsLossAndGradients() throws {
    let reference = try LLMModulesReference(Self.prompt)
    try reference.checkLogitsLossAndGradients(reference.promptDocuments(), loss: .response)
  }

  @Test(.vectors(prompt)) func promptAfterTenSteps() throws {
    let reference = try LLMModulesReference(Self.prompt)
    try reference.checkTenSteps(reference.promptDocuments().map(\.document), loss: .response)
  }

  @Test(.vectors(causal)) func causalLogitsLossAndGradients() throws {
    try checkAligned(Self.causal, mask: .causal)
  }

  @Test(.vectors(published)) func publishedLogitsLossAndGradients() throws {
    try checkAligned(Self.published, mask: .published)
  }

  @Test(.vectors(causal)) func causalAfterTenSteps() throws {
    let reference = try LLMModulesReference(Self.causal)
    try reference.checkTenSteps(reference.alignedDocuments().map(\.document), loss: .all)
  }

  @Test(.vectors(published)) func publishedAfterTenSteps() throws {
    let reference = try LLMModulesReference(Self.published)
    try reference.checkTenSteps(reference.alignedDocuments().map(\.document), loss: .all)
  }

  private func checkAligned(_ name: String, mask: BridgeMask) throws {
    let reference = try LLMModulesReference(name)
    let members = reference.model.configuration.conditioning.checkpointMembers
    #expect(members.first { $0.key == "mask" }?.value as? BridgeMask == mask)
    try reference.checkLogitsLossAndGradients(reference.alignedDocuments(), loss: .all)
  }
}
