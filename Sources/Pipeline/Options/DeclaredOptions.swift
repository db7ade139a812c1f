/// Options that are declared: from their declarations come a command's flags, the keys of a pipeline's
/// section and their entries in `Schemas/pipeline.schema.json`.
///
/// An option is a field, whose value in `init()` is the default, and a line in `declarations`.
public protocol DeclaredOptions: Sendable {
  /// The options with their defaults. What a field of a required option holds here is never read.
  init()

  /// The options in the order in which help lists them.
  static var declarations: [OptionDeclaration<Self>] { get }

  /// Throws for options that contradict each other or say nothing that is known.
  func validate() throws
}

extension DeclaredOptions {
  public func validate() throws {}
}
