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

  @Test func `one program at a time trains in a folder`() throws {
    let fixture = try TinyTraining()
    try fixture.train("run", TinyTraining.options(), steps: 1)
    var refusal = ""
    try fixture.train("run", TinyTraining.options(), resume: true, steps: 2) { _ in
      do {
        try fixture.train("run", TinyTraining.options(), resume: true)
      } catch {
        refusal = "\(error)"
      }
    }
    #expect(refusal.contains("another denju trains in it"), "\(refusal)")
    #expect(try !fixture.train("run", TinyTraining.options(), resume: true).interrupted)
  }

  @Test func `a checkpoint beyond the run's end is refused`() throws {
    let fixture = try TinyTraining()
    try fixture.train("run", TinyTraining.options(), steps: 2)
    let path = "run/last/training.json"
    let text = try String(decoding: fixture.folder.bytes(path), as: UTF8.self)
    for step in ["17", "9007199254740992"] {
      try fixture.folder.write(path, text.replacing(#""step" : 2"#, with: #""step" : \#(step)"#))
      #expect {
        try fixture.train("run", TinyTraining.options(), resume: true)
      } throws: { "\($0)".contains("step \(step) of 16") }
    }
  }

  @Test func `a model is the one that its path leads to`() throws {
    let fixture = try TinyTraining()
    let source = try TinySource(fixture.folder.path("model")).path
    try FileManager.default.copyItem(atPath: source, toPath: source + "-copy")
    var options = TinyTraining.options()
    options.epochs = 1
    func train(_ path: String, resume: Bool) throws {
      var design = GeneratorDesign()
      (design.pretrained, design.adapter, design.bridgeHeads) = (path, 8, 4)
      try fixture.train("run", options, design, resume: resume)
    }
    try train(source, resume: false)
    try train(source + "/../model/.", resume: true)
    #expect {
      try train(source + "-copy", resume: true)
    } throws: { "\($0)".contains("its from is") }
  }

  @Test func `what a model's own files say of it is not used beside them, and told`() throws {
    var design = GeneratorDesign()
    (design.layers, design.keyValueHeads, design.adapter) = (7, 1, 8)
    #expect(design.unusedFlags.isEmpty)
    design.pretrained = "model"
    #expect(design.unusedFlags == ["--layers", "--key-value-heads"])
  }

  @Test func `more memory than there is is refused before there is a folder`() throws {
    let fixture = try TinyTraining()
    for change in [
      { (design: inout GeneratorDesign) in (design.width, design.heads) = (1 << 16, 8) },
      { (design: inout GeneratorDesign) in (design.adapter, design.width) = (1 << 24, 4096) },
      { (design: inout GeneratorDesign) in
        (design.architecture, design.width, design.layers) = ("llama", 1 << 15, 64)
      },
    ] {
      var design = TinyTraining.design()
      change(&design)
      #expect {
        try fixture.train("run", TinyTraining.options(), design)
      } throws: { "\($0)".contains("GB") && "\($0)".contains("--accumulate") }
      #expect(!FileManager.default.fileExists(atPath: fixture.folder.path("run")))
    }
  }
}
