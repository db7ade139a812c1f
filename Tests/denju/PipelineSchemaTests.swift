import Foundation
import Pipeline
import TestSupport
import Testing

/// `Schemas/pipeline.schema.json`, the commands' flags and the shipped pipelines agree.
@Suite struct PipelineSchemaTests {
  private static func object(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: Checkout.path(path)))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Keys of a stage's section in the schema.
  private static func keys(_ stage: String) throws -> Set<String> {
    let schema = try object("Schemas/pipeline.schema.json")
    let definitions = try #require(schema["$defs"] as? [String: Any])
    let section = try #require(definitions[stage] as? [String: Any])
    return Set(try #require(section["properties"] as? [String: Any]).keys)
  }

  /// Flags of a command, as its help lists them.
  private static func flags(_ command: String) throws -> Set<String> {
    let workshop = try Workshop()
    let help = expectSuccess(try workshop.denju(command, "--help"))
    return Set(
      help.output.split(separator: "\n").compactMap { line in
        line.firstMatch(of: #/^  --([a-z-]+)/#).map { String($0.1) }
      })
  }

  /// What is a command's own, or what the file says by being a file.
  private static let alone: [String: Set<String>] = [
    "precompute": ["plan", "json", "version"], "train": ["plan", "json", "version"],
    "evaluate": ["json", "version"], "generate": ["json", "version"],
  ]

  @Test(arguments: PipelineFile.Stage.allCases.map(\.rawValue))
  func `a stage's keys are its command's flags`(stage: String) throws {
    let flags = try Self.flags(stage).subtracting(Self.alone[stage] ?? [])
    #expect(try Self.keys(stage) == flags)
  }

  @Test(arguments: ["quickstart", "aligned", "intents", "paper"])
  func `the shipped pipelines parse, and say only what the schema knows`(name: String) throws {
    let pipeline = try PipelineFile(path: Checkout.path("Pipelines/\(name).yaml"))
    #expect(pipeline.name == name)
    #expect(Set(pipeline.steps.map(\.stage)) == Set(PipelineFile.Stage.allCases))
    for step in pipeline.steps {
      let keys = try Self.keys(step.stage.rawValue)
      for argument in step.arguments {
        let flag = String(argument.dropFirst(2).prefix { $0 != "=" })
        #expect(keys.contains(flag), "\(name): \(step.stage.rawValue).\(flag)")
      }
    }
  }
}
