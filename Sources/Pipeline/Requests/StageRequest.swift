/// What a stage is asked to do: its options, and the way from them to the stage.
public protocol StageRequest: DeclaredOptions {
  static var stage: PipelineFile.Stage { get }

  /// Throws for values out of their ranges, as the stage itself would, without opening anything.
  func checkRanges() throws

  /// Throws for what is sure to be refused once the stages before have run, and can be seen before.
  func check(after earlier: [any StageRequest]) throws

  /// Adds what the stage will take to a pipeline's plan; nothing is run.
  func plan(in plan: inout PipelinePlan) throws

  /// Runs the stage as one of a pipeline's, where what is done already is not done again.
  ///
  /// - Parameter settings: the options as they were given.
  func run(in pipeline: inout PipelineWork, settings: String) throws
}

extension StageRequest {
  public func checkRanges() throws {}
  public func check(after earlier: [any StageRequest]) throws {}
  public func plan(in plan: inout PipelinePlan) throws {}
}
