import Corpora
import Generators
import Identity
import Layers
import Numerics
import Precompute

/// A type of an option's values: how one is read from text, and written.
public protocol OptionValue: Sendable {
  /// Reads what was typed after the flag; `nil` where it is no such value.
  init?(optionText: String)

  /// The value as one would type it.
  var optionText: String { get }

  /// All values, where they are words that help lists; none otherwise.
  static var optionWords: [String] { get }

  /// The type in JSON Schema's words.
  static var schemaType: String { get }
}

extension OptionValue {
  public static var optionWords: [String] { [] }
  public static var schemaType: String { "string" }
}

extension OptionValue where Self: LosslessStringConvertible {
  public init?(optionText: String) { self.init(optionText) }
  public var optionText: String { description }
}

extension OptionValue where Self: RawRepresentable, RawValue == String {
  public init?(optionText: String) { self.init(rawValue: optionText) }
  public var optionText: String { rawValue }
}

extension OptionValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  public static var optionWords: [String] { allCases.map(\.rawValue) }
}

extension String: OptionValue {}
extension Bool: OptionValue {
  public static var schemaType: String { "boolean" }
}
extension Int: OptionValue {
  public static var schemaType: String { "integer" }
}
extension UInt64: OptionValue {
  public static var schemaType: String { "integer" }
}
extension Float: OptionValue {
  public static var schemaType: String { "number" }
}
extension Double: OptionValue {
  public static var schemaType: String { "number" }
}

extension BadRowPolicy: OptionValue {}
extension LeakPolicy: OptionValue {}
extension TooLong: OptionValue {}
extension Precision: OptionValue {}
extension StatesArm: OptionValue {}
extension LossScope: OptionValue {}
extension StatesReader: OptionValue {}
extension BridgeMask: OptionValue {}

extension GeneratorPrompt: OptionValue {
  public init?(optionText: String) { self.init(optionText) }
  public var optionText: String { description }
}

extension TrainedParts: OptionValue {
  public init?(optionText: String) { self.init(optionText) }
  public var optionText: String { description }
}

/// A corpus's form, named among those of this program.
public struct NamedForm: OptionValue {
  public let form: any CorpusForm

  public init?(optionText: String) {
    guard let form = CorpusForms.builtIn.named(optionText) else { return nil }
    self.form = form
  }

  public var optionText: String { form.name }
  public static var optionWords: [String] { CorpusForms.builtIn.forms.map(\.name) }
}

/// A conditioning, named among those of this program.
public struct NamedConditioning: OptionValue {
  public let name: String

  /// What is taken where nothing is said.
  public static let standard = NamedConditioning(PromptConditioning.self)

  private init(_ conditioning: any Conditioning.Type) { name = conditioning.name }

  public init?(optionText: String) {
    guard let conditioning = ConditioningRegistry.builtIn[optionText] else { return nil }
    self.init(conditioning)
  }

  public var optionText: String { name }
  public static var optionWords: [String] {
    ConditioningRegistry.builtIn.conditionings.map { $0.name }
  }

  /// What of a document has to be cached for it, whatever the generator's sizes.
  func coverage() throws -> Coverage {
    let conditioning = ConditioningRegistry.builtIn[name] ?? PromptConditioning.self
    let design = ConditioningDesign(name: name, layers: 1, width: 1, sourceWidth: 1)
    return try conditioning.init(design: design).needs.coverage
  }
}
