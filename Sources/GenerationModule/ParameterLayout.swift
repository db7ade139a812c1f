/// Places tensors one after another while a network is described, so that names, shapes and places
/// are written once: where the layer is.
struct ParameterLayout {
  private(set) var tensors: [ParameterTensor] = []
  private(set) var count = 0
  /// Linear layers so far, which are numbered.
  private(set) var linearShapes: [LinearShape] = []

  /// A linear layer's weight: its place, rows and columns.
  struct LinearShape: Sendable {
    let weight: Int
    let outputs: Int
    let inputs: Int
  }

  /// Floats in a cache line.
  private static let alignment = 16

  /// Adds a tensor and returns its place.
  mutating func add(
    _ name: String, _ shape: [Int], _ group: ParameterGroup, _ initial: InitialValues
  ) -> Int {
    let size = shape.reduce(1, *)
    let place = count
    tensors.append(
      ParameterTensor(
        name: name, shape: shape, group: group, range: place..<place + size, initial: initial))
    count = (place + size + Self.alignment - 1) / Self.alignment * Self.alignment
    return place
  }

  /// Numbers a linear layer over the weight at `weight`.
  mutating func number(weight: Int, outputs: Int, inputs: Int) -> Int {
    linearShapes.append(LinearShape(weight: weight, outputs: outputs, inputs: inputs))
    return linearShapes.count - 1
  }
}
