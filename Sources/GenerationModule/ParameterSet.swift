import Numerics

/// Which optimizer group a tensor belongs to.
public enum ParameterGroup: String, Codable, Sendable, CaseIterable {
  /// Projections, cross-attention, adapters and gates.
  case bridge
  /// GPT-Neo and its head.
  case generator
}

/// One trained tensor: a named range of the parameters.
public struct ParameterTensor: Sendable {
  /// The name in files.
  public let name: String
  /// Row-major, outermost dimension first.
  public let shape: [Int]
  public let group: ParameterGroup
  /// Its elements within the set.
  public let range: Range<Int>
  let initial: InitialValues
}

/// All trained parameters of a module in one allocation, and their gradients in another. A group's
/// tensors lie together; each begins on a cache line, and what lies between two is zero and stays so.
// Sendable: the tensors never change, and the memory's owner is this class. Its contents are written
// by whoever trains or loads, which is one thread by contract; decoding starts only after that.
public final class ParameterSet: @unchecked Sendable {
  public let tensors: [ParameterTensor]
  /// Elements of the allocation, padding included.
  public let count: Int
  private let valueBuffer: FloatBuffer
  private var gradientBuffer: FloatBuffer?

  init(_ layout: ParameterLayout) {
    tensors = layout.tensors
    count = layout.count
    valueBuffer = FloatBuffer(count: layout.count)
  }

  /// The values, valid as long as the set lives.
  public var values: UnsafeMutablePointer<Float> { valueBuffer.base }

  /// The gradients, allocated (as zeros) when first asked for.
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

  /// The parameters of a group, padding included; empty where there are none.
  public func range(of group: ParameterGroup) -> Range<Int> {
    let members = tensors.filter { $0.group == group }
    guard let first = members.first, let last = members.last else { return 0..<0 }
    return first.range.lowerBound..<last.range.upperBound
  }

  public subscript(name: String) -> ParameterTensor? { tensors.first { $0.name == name } }

  /// A tensor's values, borrowed; valid as long as the set lives.
  public func values(of tensor: ParameterTensor) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: values + tensor.range.lowerBound, count: tensor.range.count)
  }

  /// A tensor's gradients, borrowed; valid as long as the set lives.
  public func gradients(of tensor: ParameterTensor) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: gradients + tensor.range.lowerBound, count: tensor.range.count)
  }

  /// Trained elements, without padding.
  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.range.count } }
}
