/// An option of a command and of a pipeline's section, declared once: its name and help, what a value may be,
/// and the field that it sets, which knows the default.
public struct OptionDeclaration<Options>: Sendable {
  /// The flag without its dashes, and the key in a pipeline's section.
  public let name: String
  public let help: String
  /// The values that the schema allows. The stage that they are for refuses the others.
  public let allowed: AllowedValues
  /// Whether what follows the flag is its value also where it begins with a dash.
  public let mayBeginWithDash: Bool
  /// Whether a pipeline's section has to say it.
  public let isRequiredInFile: Bool
  public let field: any DeclaredField<Options>

  private init(
    _ name: String, _ field: any DeclaredField<Options>, _ allowed: AllowedValues, _ help: String,
    mayBeginWithDash: Bool = false, isRequiredInFile: Bool = false
  ) {
    self.name = name
    self.help = help
    self.allowed = allowed
    self.mayBeginWithDash = mayBeginWithDash
    self.isRequiredInFile = isRequiredInFile
    self.field = field
  }

  /// An option that must be given.
  public static func required<Value: OptionValue>(
    _ name: String, _ path: WritableKeyPath<Options, Value> & Sendable,
    _ allowed: AllowedValues = .all, help: String
  ) -> Self {
    Self(
      name, OptionField.required(OptionPlace(path)), allowed, help, isRequiredInFile: true)
  }

  /// An option with a default.
  public static func option<Value: OptionValue>(
    _ name: String, _ path: WritableKeyPath<Options, Value> & Sendable,
    _ allowed: AllowedValues = .all, mayBeginWithDash: Bool = false, help: String
  ) -> Self {
    Self(
      name, OptionField.standard(OptionPlace(path)), allowed, help,
      mayBeginWithDash: mayBeginWithDash)
  }

  /// An option that says nothing where it is not given.
  public static func option<Value: OptionValue>(
    _ name: String, _ path: WritableKeyPath<Options, Value?> & Sendable,
    _ allowed: AllowedValues = .all, mayBeginWithDash: Bool = false, help: String
  ) -> Self {
    Self(
      name, OptionField.optional(OptionPlace(path)), allowed, help,
      mayBeginWithDash: mayBeginWithDash)
  }

  /// An option that may be given several times.
  ///
  /// - Parameters:
  ///   - isRequired: it must be given at least once.
  ///   - isRequiredInFile: a pipeline's section must name it, though a command need not.
  public static func list<Value: OptionValue>(
    _ name: String, _ path: WritableKeyPath<Options, [Value]> & Sendable,
    _ allowed: AllowedValues = .all, isRequired: Bool = false, isRequiredInFile: Bool = false,
    help: String
  ) -> Self {
    Self(
      name, OptionField.list(OptionPlace(path), isRequired: isRequired), allowed, help,
      isRequiredInFile: isRequired || isRequiredInFile)
  }

  /// A flag without a value, which sets a field to `value`.
  public static func flag(
    _ name: String, _ path: WritableKeyPath<Options, Bool> & Sendable, sets value: Bool = true,
    help: String
  ) -> Self {
    Self(name, OptionField<Options, Bool>.flag(OptionPlace(path), sets: value), .all, help)
  }

  /// The same option of options that hold these.
  public func inside<Outer>(
    _ path: WritableKeyPath<Outer, Options> & Sendable
  ) -> OptionDeclaration<Outer> {
    OptionDeclaration<Outer>(
      name, field.inside(path), allowed, help, mayBeginWithDash: mayBeginWithDash,
      isRequiredInFile: isRequiredInFile)
  }
}

/// A field that an option sets, whatever its type.
public protocol DeclaredField<Options>: Sendable {
  associatedtype Options
  associatedtype Value: OptionValue

  /// The field with its type.
  var typed: OptionField<Options, Value> { get }

  /// The same field of options that hold these.
  func inside<Outer>(
    _ path: WritableKeyPath<Outer, Options> & Sendable
  ) -> any DeclaredField<Outer>
}

/// How a field takes an option's values.
public enum OptionField<Options, Value: OptionValue>: DeclaredField {
  case required(OptionPlace<Options, Value>)
  case standard(OptionPlace<Options, Value>)
  case optional(OptionPlace<Options, Value?>)
  case list(OptionPlace<Options, [Value]>, isRequired: Bool)
  case flag(OptionPlace<Options, Bool>, sets: Bool)

  public var typed: OptionField<Options, Value> { self }

  public func inside<Outer>(
    _ path: WritableKeyPath<Outer, Options> & Sendable
  ) -> any DeclaredField<Outer> {
    switch self {
    case .required(let place): OptionField<Outer, Value>.required(place.inside(path))
    case .standard(let place): OptionField<Outer, Value>.standard(place.inside(path))
    case .optional(let place): OptionField<Outer, Value>.optional(place.inside(path))
    case .list(let place, let isRequired):
      OptionField<Outer, Value>.list(place.inside(path), isRequired: isRequired)
    case .flag(let place, let value):
      OptionField<Outer, Value>.flag(place.inside(path), sets: value)
    }
  }
}

/// Where in the options a value is read and written.
public struct OptionPlace<Options, Value>: Sendable {
  public let read: @Sendable (Options) -> Value
  public let write: @Sendable (inout Options, Value) -> Void

  init(_ path: WritableKeyPath<Options, Value> & Sendable) {
    read = { $0[keyPath: path] }
    write = { $0[keyPath: path] = $1 }
  }

  private init(
    read: @escaping @Sendable (Options) -> Value,
    write: @escaping @Sendable (inout Options, Value) -> Void
  ) {
    self.read = read
    self.write = write
  }

  func inside<Outer>(
    _ path: WritableKeyPath<Outer, Options> & Sendable
  ) -> OptionPlace<Outer, Value> {
    OptionPlace<Outer, Value>(
      read: { [read] in read($0[keyPath: path]) },
      write: { [write] in write(&$0[keyPath: path], $1) })
  }
}
