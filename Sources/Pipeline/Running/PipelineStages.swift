import Evaluation
import FeatureCache
import Precompute

/// A pipeline's stages with their options read, ready to be checked, planned and run in the file's order.
public struct PipelineStages {
  /// A section of the file, and what it asks for.
  private struct Section {
    let step: PipelineFile.Step
    let request: any StageRequest
  }

  private let path: String
  private let sections: [Section]
  private let observer: any StageObserver

  /// Reads and checks every section, so that a mistake in a later one is known before an hour of an earlier
  /// one.
  ///
  /// - Parameters:
  ///   - additions: arguments that win over the file's, for every stage.
  ///   - read: gives a stage's request for a command line's arguments; what it throws is described by
  ///     `problem`.
  public init(
    _ file: PipelineFile, additions: [String], _ observer: any StageObserver,
    reading read: (any StageRequest.Type, [String]) throws(SectionProblem) -> any StageRequest
  ) throws {
    path = file.path
    self.observer = observer
    var sections: [Section] = []
    for step in file.steps {
      func refused(_ problem: String) -> PipelineError {
        .badSection(
          path: file.path, line: step.line, section: step.stage.rawValue, problem: problem)
      }
      let step = PipelineFile.Step(
        stage: step.stage, arguments: step.arguments + additions, line: step.line)
      let request: any StageRequest
      do throws(SectionProblem) {
        request = try read(step.stage.request, step.arguments)
      } catch {
        throw refused(error.text)
      }
      do {
        try request.checkRanges()
        try request.check(after: sections.map(\.request))
      } catch {
        throw refused("\(error)")
      }
      sections.append(Section(step: step, request: request))
    }
    self.sections = sections
  }

  /// Runs the stages; what is done already is not done again.
  public func run() throws {
    var work = PipelineWork(observer: observer)
    for section in sections {
      try section.request.run(
        in: &work, settings: section.step.arguments.joined(separator: " "))
    }
  }

  /// What precomputing and training will take; no stage is run.
  public func plan() throws {
    var plan = PipelinePlan(observer: observer)
    for section in sections { try section.request.plan(in: &plan) }
  }
}

/// What is wrong with a section's arguments, as one line.
public struct SectionProblem: Error {
  public let text: String

  public init(_ text: String) { self.text = text }
}

/// What the stages of a running pipeline share.
public struct PipelineWork {
  public let observer: any StageObserver
  /// The rates of the stages so far.
  public internal(set) var rates = StageRates()
  /// What the last evaluation that asked the source itself showed it; `nil`: none did.
  var shots: SourceShots?
}

/// What the plan of a pipeline knows from its earlier sections.
public struct PipelinePlan {
  public let observer: any StageObserver
  /// What an earlier section caches to train on; none where none does.
  var cached: Cached?

  struct Cached {
    let sizes: [DocumentSplit: [PlannedDocument]]
    /// Values a state, and tokens in the vocabulary, of the source.
    let width: Int
    let vocabularySize: Int
  }
}
