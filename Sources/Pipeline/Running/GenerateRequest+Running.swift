import Evaluation
import Generation
import Runs
import Tokenization

extension GenerateRequest {
  /// Answers the prompts, one after the other.
  ///
  /// - Parameter shots: has the frozen source itself answer too, after these documents; `nil`: it is not asked.
  public func run(_ observer: any StageObserver, beside shots: SourceShots? = nil) throws {
    try sampling.validate()
    let generator = try TextGenerator(answering.place) {
      observer.hear(.remark(Self.stage, $0))
    }
    let questions = shots.map {
      LiveQuestions(
        prompts, of: generator, answering.place, shots: $0, maxTokens: sampling.maxTokens,
        special: special
      ) { observer.hear(.remark(Self.stage, $0)) }
    }
    for prompt in prompts {
      observer.hear(.answering(prompt: prompt, count: prompts.count))
      let result = try generator.generate(.raw(prompt), sampling, special: special) { text in
        observer.hear(.answerPart(text))
        return !observer.isStopAsked
      }
      let reference = observer.isStopAsked ? nil : try questions?.reference(for: prompt)
      try observer.receive(.answered(result, reference))
      if observer.isStopAsked { throw StageInterruption() }
    }
  }

  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    let place = answering.place
    let cache = try place.cache ?? RunFolder(place.run).manifest().cachePath
    try run(
      pipeline.observer,
      beside: pipeline.shots ?? SourceShots(count: 0, seed: sampling.seed, cache: cache))
  }
}
