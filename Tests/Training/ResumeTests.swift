import Foundation
import Generators
import Runs
import TestSupport
import Testing
import Training

/// Stopped after any step and resumed, a run ends in the bits of one that was left alone.
@Suite struct ResumeTests {
  static let files = [
    "best/model.safetensors", "last/model.safetensors", "last/optimizer.safetensors",
  ]

  @Test(arguments: [PromptConditioning.name, AlignedConditioning.name])
  func `stopped after every step`(conditioning: String) throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.dropout = 0.1
    options.bridgeDropout = 0.1
    options.accumulate = 2
    let design = TinyTraining.design(conditioning)
    let whole = try fixture.train("whole", options, design)
    #expect(whole.steps == 16 && !whole.interrupted)

    var report = try fixture.train("parts", options, design, steps: 1)
    var sittings = 1
    while report.interrupted, sittings < 20 {
      report = try fixture.train("parts", options, design, resume: true, steps: 1)
      sittings += 1
    }
    #expect(sittings == 16)
    for file in Self.files {
      #expect(
        try fixture.folder.bytes("whole/" + file) == fixture.folder.bytes("parts/" + file),
        "\(file)")
    }
    #expect(report.bestValidationLoss == whole.bestValidationLoss)
    #expect(report.trainLoss == whole.trainLoss)
    #expect(report.firstLoss == whole.firstLoss)
    #expect(report.tokens == whole.tokens)
  }

  @Test func `a finished run does nothing more`() throws {
    let fixture = try TinyTraining()
    try fixture.train("run", TinyTraining.options())
    let before = try Self.files.map { try fixture.folder.bytes("run/" + $0) }
    let again = try fixture.train("run", TinyTraining.options(), resume: true)
    #expect(again.wasFinished && !again.interrupted)
    #expect(try Self.files.map { try fixture.folder.bytes("run/" + $0) } == before)
  }

  @Test func `a seed decides the weights`() throws {
    let fixture = try TinyTraining()
    var options = TinyTraining.options()
    options.epochs = 1
    try fixture.train("a", options)
    try fixture.train("b", options)
    options.seed = 1
    try fixture.train("c", options)
    let file = "/last/model.safetensors"
    #expect(try fixture.folder.bytes("a" + file) == fixture.folder.bytes("b" + file))
    #expect(try fixture.folder.bytes("a" + file) != fixture.folder.bytes("c" + file))
  }

  @Test func `another run's folder is refused, and so is going on without one`() throws {
    let fixture = try TinyTraining()
    try fixture.train("run", TinyTraining.options())
    #expect(throws: TrainingError.self) { try fixture.train("run", TinyTraining.options()) }
    #expect(throws: TrainingError.self) {
      try fixture.train("absent", TinyTraining.options(), resume: true)
    }
    var other = TinyTraining.options()
    other.clip = 2
    #expect {
      try fixture.train("run", other, resume: true)
    } throws: { error in
      guard case .runDiffers = error as? TrainingError else { return false }
      return "\(error)".contains("clip")
    }
  }
}
