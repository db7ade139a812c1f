extension TransformerConfiguration {
  /// Operations through the first `layers` blocks, 2 a multiply-add: the projections of `tokens`
  /// tokens, and attention over `attended` pairs of a token and one that it attends to, itself among
  /// them. Embedding and output layer are left out.
  public func operations(tokens: Int, attended: Int, layers: Int) -> Double {
    let (width, heads) = (Double(hiddenSize), Double(headCount * headSize))
    let keyValues = Double(keyValueHeadCount * headSize)
    let weights = width * (2 * heads + 2 * keyValues) + 3 * width * Double(intermediateSize)
    return Double(layers) * (2 * weights * Double(tokens) + 4 * heads * Double(attended))
  }
}
