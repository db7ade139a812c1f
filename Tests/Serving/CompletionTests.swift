import Generation
import Generators
import TestSupport
import Testing
import Tokenization

/// Chat completions are what the generator writes by itself.
@Suite struct CompletionTests {
  /// A request's messages: one, of the user.
  static func messages(_ prompt: String) -> String {
    #""messages": [{"role": "user", "content": "\#(prompt)"}]"#
  }

  /// A prompt is what one user message is to the server, whether the run was trained on plain prompts or
  /// on conversations.
  @Test(
    arguments: [PromptConditioning.name, AlignedConditioning.name], TinyRun.Form.allCases)
  func `answers as the generator does, whole and streamed, recomputed and reused`(
    conditioning: String, form: TinyRun.Form
  ) async throws {
    let run = try TinyRun(conditioning, form)
    let generator = try TextGenerator(TextGenerator.Place(run: run.path))
    // The first prompt to which it has something to say; none of them is in its files.
    let sampling = SamplingOptions(repetitionPenalty: 1.25, maxTokens: 12)
    var prompt = Workshop.newPrompt
    var alone = try generator.generate(.raw(prompt), sampling)
    for number in 41..<121 where alone.text.isEmpty {
      prompt = Workshop.prompt(number)
      alone = try generator.generate(.raw(prompt), sampling)
    }
    try #require(!alone.text.isEmpty, "\(alone.ids) \(alone.finish)")
    let bounded = Self.messages(prompt) + #", "max_tokens": 12, "repetition_penalty": 1.25"#

    let server = try RouterClient(run)
    let first = try await server.complete(bounded)
    #expect(first.status == 200)
    let whole = try first.completion
    #expect(whole.object == "chat.completion")
    #expect(whole.content == alone.text)
    #expect(whole.usage?.promptTokens == alone.promptTokens)
    #expect(whole.usage?.completionTokens == alone.ids.count)
    #expect(whole.usage?.totalTokens == alone.promptTokens + alone.ids.count)
    #expect(whole.states == (conditioning == PromptConditioning.name ? "recomputed" : "stepped"))

    let again = try await server.complete(bounded).completion
    #expect(again.content == alone.text)
    #expect(again.states == (conditioning == PromptConditioning.name ? "reused" : "stepped"))

    let streamed = try await server.complete(bounded + #", "stream": true"#)
    #expect(streamed.status == 200)
    #expect(streamed.events.last == "[DONE]")
    let pieces = try streamed.events.dropLast().map(ChatCompletion.init)
    #expect(pieces.allSatisfy { $0.object == "chat.completion.chunk" })
    #expect(pieces.compactMap { $0.choices.first?.delta?.content }.joined() == alone.text)
    #expect(pieces.last?.choices.first?.finishReason == whole.choices.first?.finishReason)
  }

  @Test func `several clients at once get what each alone would`() async throws {
    let server = try RouterClient(TinyRun())
    @Sendable func content(_ number: Int) async throws -> String? {
      try await server.complete(
        #""messages": [{"role": "user", "content": "Thing \#(number)?"}], "max_tokens": 8"#
      ).completion.content
    }
    var alone: [String?] = []
    for number in 0..<4 { alone.append(try await content(number)) }
    #expect(!alone.contains(nil))
    let together = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
      for number in 0..<8 { group.addTask { (number, try await content(number % 4)) } }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    #expect(together.count == 8)
    for (number, text) in together { #expect(text == alone[number % 4]) }
  }

  @Test func `a server that stores nothing`() async throws {
    let run = try TinyRun()
    let content = try run.workshop.digest()
    let server = try RouterClient(run, stores: false)
    for _ in 0..<2 {
      let answer = try await server.complete(
        Self.messages(Workshop.prompt(41)) + #", "max_tokens": 2"#
      ).completion
      #expect(answer.states == "recomputed")
    }
    #expect(try run.workshop.digest() == content)
  }
}
