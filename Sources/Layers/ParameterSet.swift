import Numerics

/// All parameters of a module: the trained ones in one allocation, their gradients in another, the frozen
/// ones in a third. A group's trained tensors lie together; each tensor begins on a cache line, and what
/// lies between two is zero and stays so.
// Sendable: the tensors never change, and the memory's owner is this class. Its contents are written
// by whoever trains or loads, which is one thread by contract; decoding starts only after that.
public final class ParameterSet: @unchecked Sendable {
  public let tensors: [ParameterTensor]
  /// Elements of the trained parameters, padding included.
  public let count: Int
  private let trained: FloatBuffer
  private let frozen: FloatBuffer
  private var gradientBuffer: FloatBuffer?

  public init(_ layout: ParameterLayout) {
    tensors = layout.tensors
    count = layout.trainedCount
    trained = FloatBuffer(count: layout.trainedCount)
    frozen = FloatBuffer(count: layout.frozenCount)
    let groups = tensors.filter(\.isTrained).map(\.group)
    precondition(
      zip(groups, groups.dropFirst()).count { $0 != $1 } < ParameterGroup.allCases.count,
      "a group's trained tensors lie together")
  }

  /// The trained values, valid as long as the set lives.
  public var values: UnsafeMutablePointer<Float> { trained.base }

  /// The trained values' gradients, allocated (as zeros) when first asked for.
  public var gradients: UnsafeMutablePointer<Float> {
    if let base = gradientBuffer?.base { return base }
    let buffer = FloatBuffer(count: count)
    let base = buffer.base
    gradientBuffer = consume buffer
    return base
  }

  public func clearGradients() {
    let base = gradients
    parallelRanges(count, grain: 1 << 16) { range in
      (base + range.lowerBound).update(repeating: 0, count: range.count)
    }
  }

  /// Where a tensor's values begin, valid as long as the set lives.
  public func base(of tensor: ParameterTensor) -> UnsafeMutablePointer<Float> {
    (tensor.isTrained ? trained.base : frozen.base) + tensor.range.lowerBound
  }

  /// The trained parameters of a group, padding included; empty where there are none.
  public func range(of group: ParameterGroup) -> Range<Int> {
    let members = tensors.filter { $0.group == group && $0.isTrained }
    guard let first = members.first, let last = members.last else { return 0..<0 }
    return first.range.lowerBound..<last.range.upperBound
  }

  public subscript(name: String) -> ParameterTensor? { tensors.first { $0.name == name } }

  /// A tensor's values, borrowed; valid as long as the set lives.
  public func values(of tensor: ParameterTensor) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: base(of: tensor), count: tensor.range.count)
  }

  /// A trained tensor's gradients, borrowed; none of a frozen one.
  public func gradients(of tensor: ParameterTensor) -> UnsafeBufferPointer<Float> {
    guard tensor.isTrained else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(
      start: gradients + tensor.range.lowerBound, count: tensor.range.count)
  }

  /// The values as a pass reads them; not packed.
  public var weights: Weights {
    Weights(trained: trained.base, frozen: frozen.base, packed: nil)
  }

  /// Elements without padding, the frozen ones among them.
  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.range.count } }

  /// Trained elements without padding.
  public var trainedParameterCount: Int {
    tensors.reduce(0) { $0 + ($1.isTrained ? $1.range.count : 0) }
  }
}
