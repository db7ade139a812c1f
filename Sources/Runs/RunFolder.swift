import Foundation
import Identity

/// What a training run was made of, beside its weights: enough to generate with it on its own.
public struct RunDescription: Codable, Equatable, Sendable {
  /// Identity of the states it was trained on, as the cache encodes it.
  public var identity: Data
  /// Chat template that prompts were written with; `nil`: none.
  public var template: String?
  /// Whether it was trained on plain prompts, rather than on conversations through a template.
  public var plainPrompts: Bool
  /// Whose states it was trained with.
  public var states: StatesArm
  /// Whether the generator's tokenizer is one of its own.
  public var hasOwnTokenizer: Bool
  /// Where cache and source were: hints, never needed.
  public var cachePath: String
  public var sourcePath: String
  /// The options of training, as JSON.
  public var training: Data

  public init(
    identity: Data, template: String?, plainPrompts: Bool, states: StatesArm,
    hasOwnTokenizer: Bool, cachePath: String, sourcePath: String, training: Data
  ) {
    self.identity = identity
    self.template = template
    self.plainPrompts = plainPrompts
    self.states = states
    self.hasOwnTokenizer = hasOwnTokenizer
    self.cachePath = cachePath
    self.sourcePath = sourcePath
    self.training = training
  }
}

/// The folder of a training run.
///
///     run.json                 what it was made of
///     source-tokenizer         the source's tokenizer, as its cache holds it
///     generator-tokenizer      the generator's, where it has one of its own
///     codec-fit                what the states' codec was fitted to, where it was
///     best/, last/             checkpoints: lowest validation loss, latest step
///     log.csv                  a line a step
///     report.json              what evaluation found
public struct RunFolder: Sendable {
  public let path: String

  public init(_ path: String) {
    self.path = path
  }

  public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    case missing(run: String, file: String)
    case unreadable(file: String, reason: String)
    case unwritable(file: String, reason: String)

    public var description: String {
      switch self {
      case .missing(let run, let file):
        "\(run) is not a training run: it has no \(file); name the folder that `denju train --run` made"
      case .unreadable(let file, let reason): "can't read \(file): \(reason)"
      case .unwritable(let file, let reason): "can't write \(file): \(reason)"
      }
    }
  }

  public func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

  public var best: String { file("best") }
  public var last: String { file("last") }
  public var log: String { file("log.csv") }
  public var report: String { file("report.json") }

  public var exists: Bool { FileManager.default.fileExists(atPath: file("run.json")) }

  public func description() throws(Failure) -> RunDescription {
    let bytes = try read("run.json")
    do {
      return try JSONDecoder().decode(RunDescription.self, from: Data(bytes))
    } catch {
      throw .unreadable(file: file("run.json"), reason: "it is not a run's description")
    }
  }

  public func sourceTokenizer() throws(Failure) -> [UInt8] { try read("source-tokenizer") }

  public func generatorTokenizer() throws(Failure) -> [UInt8] { try read("generator-tokenizer") }

  /// What the states' codec was fitted to; `nil` where it needs no fit.
  public func codecFit() throws(Failure) -> [UInt8]? {
    FileManager.default.fileExists(atPath: file("codec-fit")) ? try read("codec-fit") : nil
  }

  /// Makes the folder; `run.json` comes last, so that a folder that has it is whole.
  public func create(
    _ description: RunDescription, sourceTokenizer: [UInt8], generatorTokenizer: [UInt8]?,
    codecFit: [UInt8]?
  ) throws(Failure) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try write("source-tokenizer", Data(sourceTokenizer))
      if let generatorTokenizer { try write("generator-tokenizer", Data(generatorTokenizer)) }
      if let codecFit {
        try write("codec-fit", Data(codecFit))
        // It has states of the corpus in it.
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o600], ofItemAtPath: file("codec-fit"))
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try write("run.json", try encoder.encode(description))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .unwritable(file: path, reason: error.localizedDescription)
    }
  }

  /// Writes a file of the folder: the old one or the whole new one is there at any moment.
  public func write(_ name: String, _ data: Data) throws(Failure) {
    do {
      try data.write(to: URL(fileURLWithPath: file(name)), options: .atomic)
    } catch {
      throw .unwritable(file: file(name), reason: error.localizedDescription)
    }
  }

  private func read(_ name: String) throws(Failure) -> [UInt8] {
    guard FileManager.default.fileExists(atPath: file(name)) else {
      throw .missing(run: path, file: name)
    }
    do {
      return Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    } catch {
      throw .unreadable(file: file(name), reason: error.localizedDescription)
    }
  }
}
