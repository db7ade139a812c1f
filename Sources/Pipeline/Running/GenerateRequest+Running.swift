import Generation
import Tokenization

extension GenerateRequest {
  /// Answers the prompts, one after the other.
  public func run(_ observer: any StageObserver) throws {
    try sampling.validate()
    let generator = try TextGenerator(answering.place) {
      observer.hear(.remark(Self.stage, $0))
    }
    for prompt in prompts {
      observer.hear(.answering(prompt: prompt, count: prompts.count))
      let result = try generator.generate(.raw(prompt), sampling, special: special) { text in
        observer.hear(.answerPart(text))
        return !observer.isStopAsked
      }
      try observer.receive(.answered(result))
      if observer.isStopAsked { throw StageInterruption() }
    }
  }

  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    try run(pipeline.observer)
  }
}
