import ArgumentParser
import Corpora
import Generators
import Numerics
import Pipeline

/// Declared options as a command's flags.
///
/// ArgumentParser finds an option group's flags by reflection and reads their values by decoding; a group of
/// declared options reflects its declarations and decodes by their names.
struct OptionArguments<Options: DeclaredOptions>: ParsableArguments, CustomReflectable {
  private(set) var options = Options()

  init() {}

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: OptionKey.self)
    for declaration in Options.declarations {
      try Self.read(declaration.name, declaration.field, values, into: &options)
    }
  }

  func validate() throws {
    try Usage.require { try options.validate() }
  }

  var customMirror: Mirror {
    let standard = Options()
    return Mirror(
      self,
      children: Options.declarations.map { declaration in
        (label: declaration.name, value: Self.argument(declaration, declaration.field, standard))
      })
  }

  /// The property wrapper that one would have written.
  private static func argument<Field: DeclaredField<Options>>(
    _ declaration: OptionDeclaration<Options>, _ field: Field, _ standard: Options
  ) -> Any {
    typealias Value = ArgumentValue<Field.Value>
    let name = NameSpecification.customLong(declaration.name)
    let help = ArgumentHelp(stringLiteral: declaration.help)
    let parsing: SingleValueParsingStrategy =
      declaration.mayBeginWithDash ? .unconditional : .next
    switch field.typed {
    case .required:
      return Option<Value>(name: name, parsing: parsing, help: help)
    case .standard(let place):
      return Option<Value>(
        wrappedValue: Value(place.read(standard)), name: name, parsing: parsing, help: help)
    case .optional:
      return Option<Value?>(name: name, parsing: parsing, help: help)
    case .list(_, let isRequired):
      return isRequired
        ? Option<[Value]>(name: name, help: help)
        : Option<[Value]>(wrappedValue: [], name: name, help: help)
    case .flag:
      return Flag<Bool>(wrappedValue: false, name: name, help: help)
    }
  }

  /// Puts what was given for an option, or else its default, into the options.
  private static func read<Field: DeclaredField<Options>>(
    _ name: String, _ field: Field, _ values: KeyedDecodingContainer<OptionKey>,
    into options: inout Options
  ) throws {
    typealias Value = ArgumentValue<Field.Value>
    let key = OptionKey(name)
    switch field.typed {
    case .required(let place), .standard(let place):
      place.write(&options, try values.decode(Option<Value>.self, forKey: key).wrappedValue.value)
    case .optional(let place):
      let given = try values.decode(Option<Value?>.self, forKey: key).wrappedValue
      place.write(&options, given?.value)
    case .list(let place, _):
      let given = try values.decode(Option<[Value]>.self, forKey: key).wrappedValue
      place.write(&options, given.map(\.value))
    case .flag(let place, let value):
      if try values.decode(Flag<Bool>.self, forKey: key).wrappedValue {
        place.write(&options, value)
      }
    }
  }
}

/// A declared option's name as ArgumentParser's key.
private struct OptionKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}

/// A declared option's value as ArgumentParser reads it.
private struct ArgumentValue<Value: OptionValue>: ExpressibleByArgument {
  let value: Value

  init(_ value: Value) { self.value = value }

  init?(argument: String) {
    guard let value = Value(optionText: argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { value.optionText }
  static var allValueStrings: [String] { Value.optionWords }
}

extension BadRowPolicy: ExpressibleByArgument {}
extension BridgeMask: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
