import ModelFiles

/// Where a model's tensors lie in its files: under which root, in which tensor, and under which of two names where
/// the output head is the embedding.
public struct TensorPlaces: Sendable {
  public let catalogue: TensorCatalogue
  private let architecture: any Architecture
  private let usualRoot: String
  private let root: String

  public init(_ catalogue: TensorCatalogue, _ architecture: any Architecture) {
    self.catalogue = catalogue
    self.architecture = architecture
    let type = Swift.type(of: architecture)
    usualRoot = type.nameRoot
    let token = architecture.embedding.tokens
    let known = ([type.nameRoot] + type.otherRoots).first { root in
      let name = Self.place(of: token, architecture, catalogue, from: type.nameRoot, to: root)
      return catalogue[name.tensor] != nil
    }
    root = known ?? type.nameRoot
  }

  /// Where a tensor of the architecture's descriptions lies.
  public subscript(name: String) -> TensorPart {
    let part = Self.place(of: name, architecture, catalogue, from: usualRoot, to: root)
    guard let head = architecture.outputHead, head.isTied, name == architecture.embedding.tokens,
      catalogue[part.tensor] == nil
    else { return part }
    let other = Self.place(of: head.name, architecture, catalogue, from: usualRoot, to: root)
    return catalogue[other.tensor] == nil ? part : other
  }

  /// Throws where files have a head beside the embedding that is said to be it, and the two differ.
  public func checkTied() throws(ModelFileError) {
    guard let head = architecture.outputHead, head.isTied else { return }
    try catalogue.checkTied(self[head.name].tensor, to: self[architecture.embedding.tokens].tensor)
  }

  private static func place(
    of name: String, _ architecture: any Architecture, _ catalogue: TensorCatalogue,
    from usual: String, to root: String
  ) -> TensorPart {
    var part = architecture.part(name, isGGUF: catalogue.isGGUF)
    guard root != usual, part.tensor.hasPrefix(usual) else { return part }
    part.tensor = root + part.tensor.dropFirst(usual.count)
    return part
  }
}
