import Foundation
import Identity
import Layers

/// By which rules a run was begun, and so goes on: what of a run's bits is not in its options.
public enum RunRules: Int, Codable, Sendable {
  /// Tensors are seeded by their number, and a step's passes are numbered by as many parts as the step has.
  case first = 1
  /// Tensors are seeded by their name, so that arms begin with equal generators.
  case seededByName = 2
  /// Also, a step's passes are numbered by as many parts as any step may have, so that no two draw the same
  /// dropout masks.
  case ownMasks = 3

  /// What a new run begins with.
  public static let current = RunRules.ownMasks

  public var seeding: TensorSeeding { self == .first ? .index : .name }

  /// The number of a pass that draws dropout masks: of a part of a step.
  ///
  /// - Parameter most: parts of a step that has as many documents as a batch.
  public func passNumber(step: Int, part: Int, parts: Int, most: Int) -> Int {
    step * (rawValue >= Self.ownMasks.rawValue ? most : parts) + part
  }
}

/// One series of states that a run reads: a layer of a source.
public struct RunStream: Equatable, Sendable {
  /// Identity of the states, in the very bytes that the cache encodes it in.
  public var identity: Data
  /// Chat template that prompts were written with for its source; `nil`: none.
  public var template: String?
  /// Where its source was: a hint, never needed.
  public var sourcePath: String

  public init(identity: Data, template: String?, sourcePath: String) {
    self.identity = identity
    self.template = template
    self.sourcePath = sourcePath
  }
}

/// The parameters of a run that its training does not change.
public struct FrozenBase: Codable, Equatable, Sendable {
  /// SHA-256 over the tensors, as of a source's weights.
  public var sha256: String

  public init(sha256: String) { self.sha256 = sha256 }
}

/// What a training run was made of, beside its weights: enough to generate with it on its own.
public struct RunManifest: Equatable, Sendable {
  public var rules: RunRules
  /// What it reads: one stream, or several in the order of the generator's.
  public var streams: [RunStream]
  /// Whether it was trained on plain prompts, rather than on conversations through a template.
  public var plainPrompts: Bool
  /// Whose states it was trained with.
  public var states: StatesArm
  /// Whether the generator's tokenizer is one of its own.
  public var hasOwnTokenizer: Bool
  /// Where the cache was: a hint, never needed.
  public var cachePath: String
  /// The options of training, as JSON.
  public var training: Data
  /// What is frozen, where anything is.
  public var base: FrozenBase?

  public init(
    rules: RunRules = .current, streams: [RunStream], plainPrompts: Bool,
    states: StatesArm, hasOwnTokenizer: Bool, cachePath: String,
    training: Data, base: FrozenBase? = nil
  ) {
    self.rules = rules
    self.streams = streams
    self.plainPrompts = plainPrompts
    self.states = states
    self.hasOwnTokenizer = hasOwnTokenizer
    self.cachePath = cachePath
    self.training = training
    self.base = base
  }

  /// The first stream's template: what the generator's own prompts are written with.
  public var template: String? { streams.first?.template }
  /// Where the first stream's source was: a hint.
  public var sourcePath: String { streams.first?.sourcePath ?? "" }
}
