import Foundation
import Generators
import Identity
import Layers
import Runs
import TestSupport
import Testing
import Training

@Suite struct TrainerTests {
  @Test(
    arguments: [PromptConditioning.name, AlignedConditioning.name], [LossScope.response, .all])
  func `the loss falls`(
    conditioning: String, scope: LossScope
  ) throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.epochs = 15
    options.loss = scope
    guard conditioning == AlignedConditioning.name || scope == .response else {
      // Every position reads all of the prompt's states: it would be shown its own answers.
      #expect(throws: TrainingError.self) {
        try fixture.train("run", options, TinyTraining.design(conditioning))
      }
      return
    }
    let report = try fixture.train("run", options, TinyTraining.design(conditioning))
    let first = try #require(report.firstLoss)
    // A start from random weights is near the uniform distribution over 401 tokens.
    #expect(abs(first - Foundation.log(401)) < 0.5)
    #expect(report.trainLoss < first / 2)
  }

  @Test func `the learning rates rise, and fall along a cosine to their floor`() throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.warmup = 0.25
    options.finalRate = 0.1
    options.bridgeLearningRate = 0.02
    try fixture.train("run", options)
    let rows = try Self.rows(fixture, "run")
    let bridge = rows.compactMap { Double($0["learning_rate_bridge"] ?? "") }
    let generator = rows.compactMap { Double($0["learning_rate_generator"] ?? "") }
    #expect(bridge.count == 16)
    #expect(bridge.max() == 0.02 && generator.max() == 0.01)
    let peak = try #require(bridge.firstIndex(of: 0.02))
    #expect((2...4).contains(peak))
    #expect(bridge[...peak].elementsEqual(bridge[...peak].sorted()))
    #expect(bridge[peak...].elementsEqual(bridge[peak...].sorted(by: >)))
    #expect((0.002...0.0025).contains(try #require(bridge.last)))
    for (first, second) in zip(bridge, generator) { #expect(abs(first - 2 * second) < 1e-7) }
  }

  @Test func `the log has a line a step and the validation loss an epoch`() throws {
    let fixture = try TinyTraining()
    var steps: [Int] = []
    try fixture.train("run", TinyTraining.options()) { steps.append($0.step) }
    let rows = try Self.rows(fixture, "run")
    #expect(rows.compactMap { Int($0["step"] ?? "") } == Array(1...16))
    #expect(steps == Array(1...16))
    #expect(
      rows.filter { $0["validation_loss"] != "" }.compactMap { $0["step"] } == [
        "4", "8", "12", "16",
      ])
    for row in rows {
      for gate in ["gate_0", "gate_1"] {
        #expect(Double(row[gate] ?? "").map { (0...1).contains($0) } == true)
      }
    }
  }

  @Test func `training ends early when validation gains nothing, and keeps the best`() throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.epochs = 40
    options.patience = 2
    options.minimumGain = 10
    let report = try fixture.train("run", options)
    // The first epoch sets the mark; none gains 10 nats on it.
    #expect(report.epochs == 3)
    #expect(report.bestValidationLoss != nil)
    let bare = try TinyTraining(validation: false)
    #expect(throws: TrainingError.self) { try bare.train("run", options) }
  }

  @Test func `without a validation set the last weights are the best`() throws {
    let fixture = try TinyTraining(validation: false)
    let report = try fixture.train("run", TinyTraining.options())
    #expect(report.bestValidationLoss == nil)
    #expect(
      try fixture.folder.bytes("run/best/model.safetensors")
        == fixture.folder.bytes("run/last/model.safetensors")
    )
  }

  /// Parts of a step sum to the step; only the order of float32 additions differs.
  @Test func `accumulation takes the same step`() throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    let whole = try fixture.train("whole", options)
    options.accumulate = 4
    let parts = try fixture.train("parts", options)
    #expect(abs(whole.trainLoss - parts.trainLoss) < 1e-3 * whole.trainLoss)
    #expect(whole.firstLoss.map { abs($0 - (parts.firstLoss ?? 0)) < 1e-5 } == true)
  }

  /// Each learns, and each something else: what a run reads is what its arm says.
  @Test func `every arm trains, on its own states`() throws {
    let fixture = try TinyTraining()
    var losses: [StatesArm: [String]] = [:]
    for arm in StatesArm.allCases {
      var options = TinyTraining.options()
      options.states = arm
      let report = try fixture.train(arm.rawValue, options)
      #expect(report.trainLoss < (report.firstLoss ?? 0))
      #expect(try RunFolder(fixture.folder.path(arm.rawValue)).manifest().states == arm)
      let rows = try Self.rows(fixture, arm.rawValue)
      losses[arm] = rows.compactMap { $0["loss"] }
      // A generator alone has no gate.
      #expect((rows.first?["gate_0"] == nil) == (arm == .none))
    }
    #expect(losses.values.allSatisfy { $0.count == 16 })
    #expect(Set(losses.values).count == 3, "two arms learned the same")
    // One start, and other states from the first step on.
    #expect(losses[.own]?.first != losses[.shuffled]?.first)
  }

  @Test(arguments: [StatesArm.shuffled, .none])
  func `an aligned generator has its own states alone, and a refused one no folder`(
    arm: StatesArm
  ) throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.states = arm
    #expect {
      try fixture.train("run", options, TinyTraining.design(AlignedConditioning.name))
    } throws: { error in
      guard case .invalidOption("states", arm.rawValue, _) = error as? TrainingError else {
        return false
      }
      return true
    }
    #expect(!FileManager.default.fileExists(atPath: fixture.folder.path("run")))
  }

  /// The decay takes more than a weight has: each step multiplies all by -8.8, until no float32 holds them.
  @Test func `a loss that is not a number ends it`() throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.epochs = 40
    options.warmup = 0
    options.finalRate = 1
    options.weightDecay = 0.99
    (options.bridgeLearningRate, options.generatorLearningRate) = (9.9, 9.9)
    #expect {
      try fixture.train("run", options)
    } throws: { error in
      guard case .diverged(let step, _) = error as? TrainingError else { return false }
      return (2...60).contains(step)
    }
    // No checkpoint with such weights is kept.
    let best = try Checkpoint.load(fixture.folder.path("run/best"))
    for tensor in best.parameters.tensors {
      let values = Array(best.parameters.values(of: tensor))
      #expect(!values.contains { !$0.isFinite }, "\(tensor.name)")
    }
    #expect(!FileManager.default.fileExists(atPath: fixture.folder.path("run/last")))
  }

  private static func rows(_ fixture: TinyTraining, _ run: String) throws -> [[String: String]] {
    let lines = try String(decoding: fixture.folder.bytes("\(run)/log.csv"), as: UTF8.self)
      .split(separator: "\n")
    func cells(_ line: Substring) -> [String] {
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let header = cells(try #require(lines.first))
    return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, cells($0))) }
  }
}
