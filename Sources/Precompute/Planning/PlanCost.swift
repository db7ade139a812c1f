import Architectures
import FeatureCache
import ModelFiles

/// Fills in what a plan's work costs, from what is known of source and machine.
struct PlanCost {
  let model: any Architecture
  let layer: Int
  let codec: CodecChoice
  var work = SourceWork()
  var stored = StoredWork()
  /// Bytes of a cache without documents, where there is none yet.
  var emptyFile = 0

  /// Share of the matrix product's rate that the whole model reaches.
  private static let efficiency = 0.6
  /// A new cache's tables, and the tokenizer in it, about.
  static let usualEmptyFile = 1_000_000

  /// Fills in the plan's costs from the matrix product's rate and usual sizes.
  func estimate(_ plan: inout PrecomputePlan) {
    plan.operationsPerSecond = MatrixProbe.operationsPerSecond()
    plan.floatingPointOperations = work.operations(model, layers: layer)
    plan.seconds =
      work.effort(model, layers: layer) / (plan.operationsPerSecond * Self.efficiency)
    plan.bytes =
      emptyFile
      + Int(
        stored.fileBytes(
          payloadPerToken: usualPayload))
  }

  /// Payload bytes a token, from sizes measured on hidden states.
  private var usualPayload: Double {
    codec.family.usualPayload(codec, width: model.width)
  }

  /// Fills in the plan's costs from a sample that was run.
  ///
  /// - Parameter isStored: with the codec that the run is to have.
  func apply(
    _ measured: SampleMeasurement, to plan: inout PrecomputePlan, isStored: Bool
  ) {
    guard let secondsPerEffort = measured.secondsPerEffort else { return }
    plan.measured = true
    plan.operationsPerSecond = measured.operationsPerSecond
    let payload =
      isStored
      ? measured.payloadPerToken : usualPayload
    plan.seconds =
      measured.openingSeconds + work.effort(model, layers: layer) * secondsPerEffort
    plan.bytes =
      (emptyFile > 0 ? measured.emptyFile : 0)
      + Int(stored.fileBytes(payloadPerToken: payload) * measured.fileScale)
  }
}
