/// How large a tiny model is, in the words that the families share.
package struct TinyShape: Sendable {
  package var width: Int
  package var inner: Int
  package var layers: Int
  package var heads: Int
  package var keyValueHeads: Int
  package var headSize: Int
  package var vocabulary: Int
  package var positions: Int
  package var epsilon = 1e-5
  /// Whether the output layer is the embedding.
  package var isTied = true

  /// - Parameter headSize: `nil` shares the width among the heads.
  package init(
    width: Int, inner: Int, layers: Int, heads: Int, keyValueHeads: Int, headSize: Int? = nil,
    vocabulary: Int, positions: Int, epsilon: Double = 1e-5, isTied: Bool = true
  ) {
    self.width = width
    self.inner = inner
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headSize = headSize ?? width / heads
    self.vocabulary = vocabulary
    self.positions = positions
    self.epsilon = epsilon
    self.isTied = isTied
  }

  /// What needs no text: 53 tokens, 96 positions.
  package static let small = TinyShape(
    width: 40, inner: 72, layers: 3, heads: 6, keyValueHeads: 2, headSize: 16, vocabulary: 53,
    positions: 96, epsilon: 1e-6)

  /// As small, with heads that share the width, each with keys and values of its own.
  package static let plain = TinyShape(
    width: 40, inner: 160, layers: 3, heads: 4, keyValueHeads: 4, vocabulary: 53, positions: 96)
}

/// A family of models: what its `config.json` says and which tensors it has. Another family is another
/// value of this type, in a file of its own.
package struct TinyFamily: Sendable {
  /// What a tensor is, which decides how its values are drawn.
  package enum Role: Sendable { case embedding, norm, weight, bias }

  /// A tensor's name and shape, [out, in].
  package struct Tensor: Sendable {
    package let name: String
    package let shape: [Int]
    package let role: Role

    package init(_ name: String, _ shape: [Int], _ role: Role = .weight) {
      self.name = name
      self.shape = shape
      self.role = role
    }
  }

  package let name: String
  package let configuration: @Sendable (TinyShape) -> [String: Any]
  /// The tensors in the order in which their values are drawn.
  package let tensors: @Sendable (TinyShape) -> [Tensor]

  package init(
    name: String, configuration: @escaping @Sendable (TinyShape) -> [String: Any],
    tensors: @escaping @Sendable (TinyShape) -> [Tensor]
  ) {
    self.name = name
    self.configuration = configuration
    self.tensors = tensors
  }
}
