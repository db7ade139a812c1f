extension GeneratorConfiguration {
  /// Trained parameters of a module of this configuration; no memory is taken to count them.
  public var parameterCount: Int {
    let layout: ParameterLayout
    switch conditioning {
    case .prompt: layout = PromptNetwork(self, start: .nearlyShut).layout
    case .aligned: layout = AlignedNetwork(self).layout
    }
    return layout.tensors.reduce(0) { $0 + $1.range.count }
  }
}
