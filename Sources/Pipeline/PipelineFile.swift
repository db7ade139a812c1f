import Foundation
import Yams

/// A pipeline: the stages to run, in the file's order, each with its command's own flags.
///
///     name: quickstart
///     seed: 1
///     precompute: {source: model, train: train.jsonl, cache: run/cache.sqlite}
///     train:
///       - {cache: run/cache.sqlite, run: run/own}
///       - {cache: run/cache.sqlite, run: run/alone, states: none}
///
/// A key is the long name of a flag; a list gives a flag several times, or a stage; `true` is a flag
/// without a value. A section is turned into the very arguments that the command parses, so that file
/// and flags can't come apart.
public struct PipelineFile: Sendable {
  public enum Stage: String, CaseIterable, Sendable {
    case precompute, train, evaluate, generate

    /// The type of what the stage is asked to do, which declares its options.
    public var request: any StageRequest.Type {
      switch self {
      case .precompute: PrecomputeRequest.self
      case .train: TrainRequest.self
      case .evaluate: EvaluateRequest.self
      case .generate: GenerateRequest.self
      }
    }
  }

  /// A stage and the arguments its command gets.
  public struct Step: Equatable, Sendable {
    public let stage: Stage
    public let arguments: [String]
    /// The line of the section in the file, from 1.
    public let line: Int
  }

  public let path: String
  public let name: String
  public let steps: [Step]

  public init(path: String) throws(PipelineError) {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw .unreadable(path: path, reason: "no such file, or not UTF-8")
    }
    try self.init(text: text, path: path)
  }

  init(text: String, path: String) throws(PipelineError) {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      let line = (error as? YamlError).flatMap(Self.line) ?? 1
      throw .malformed(path: path, line: line, problem: "not YAML: \(Self.reason(error))")
    }
    guard let root, case .mapping(let mapping) = root else {
      throw .malformed(path: path, line: 1, problem: "a pipeline is a mapping of stages")
    }

    self.path = path
    var name = (path as NSString).lastPathComponent
    var seed: String?
    var steps: [Step] = []
    for (key, value) in mapping {
      let line = key.mark?.line ?? 1
      switch key.string ?? "" {
      case "name": name = try Self.scalar(value, path: path, key: "name")
      case "seed": seed = try Self.scalar(value, path: path, key: "seed")
      case let word:
        guard let stage = Stage(rawValue: word) else {
          let known = (["name", "seed"] + Stage.allCases.map(\.rawValue)).joined(separator: ", ")
          throw .malformed(
            path: path, line: line, problem: "`\(word)` is not known: the keys are \(known)")
        }
        for section in value.sequence.map(Array.init) ?? [value] {
          let arguments = try Self.arguments(section, path: path, stage: stage)
          steps.append(
            Step(stage: stage, arguments: arguments, line: section.mark?.line ?? line))
        }
      }
    }
    guard !steps.isEmpty else {
      throw .malformed(path: path, line: 1, problem: "there is no stage in it")
    }
    self.name = name
    self.steps = steps.map { step in
      guard let seed, !step.arguments.contains(where: { $0.hasPrefix("--seed=") }) else {
        return step
      }
      return Step(
        stage: step.stage, arguments: ["--seed=\(seed)"] + step.arguments, line: step.line)
    }
  }

  /// The section's keys and values as a command line.
  private static func arguments(
    _ section: Node, path: String, stage: Stage
  ) throws(PipelineError) -> [String] {
    guard let mapping = section.mapping else {
      throw .badSection(
        path: path, line: section.mark?.line ?? 1, section: stage.rawValue,
        problem: "it must map flags to values")
    }
    var arguments: [String] = []
    for (key, value) in merged(mapping) {
      let flag = try scalar(key, path: path, key: stage.rawValue)
      for item in value.sequence.map(Array.init) ?? [value] {
        let text = try scalar(item, path: path, key: "\(stage.rawValue).\(flag)")
        // `true` is a flag without a value; a prompt may be that very word.
        let isSwitch = flag != "prompt" && (item.bool == true || item.bool == false)
        if !isSwitch {
          // Joined, so that a value may begin with a dash.
          arguments.append("--\(flag)=\(text)")
        } else if item.bool == true {
          arguments.append("--\(flag)")
        }
      }
    }
    return arguments
  }

  /// The mapping with what its merge key, `<<`, brings in: keys of its own come before those.
  private static func merged(_ mapping: Node.Mapping) -> [(Node, Node)] {
    var pairs = mapping.filter { $0.key.string != "<<" }.map { ($0.key, $0.value) }
    for (key, value) in mapping where key.string == "<<" {
      for other in value.sequence.map(Array.init) ?? [value] {
        guard let inherited = other.mapping else { continue }
        let known = Set(pairs.map { $0.0.string ?? "" })
        pairs += merged(inherited).filter { !known.contains($0.0.string ?? "") }
      }
    }
    return pairs
  }

  private static func scalar(
    _ node: Node, path: String, key: String
  ) throws(PipelineError) -> String {
    guard case .scalar(let scalar) = node else {
      throw .malformed(
        path: path, line: node.mark?.line ?? 1,
        problem: "`\(key)` must be one value or a list of values")
    }
    return scalar.string
  }

  private static func line(_ error: YamlError) -> Int? {
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      mark.line
    default: nil
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch error as? YamlError {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _),
      .composer(_, let problem, _, _):
      problem
    default: "\(error)".split(separator: "\n").first.map(String.init) ?? "unreadable"
    }
  }
}
