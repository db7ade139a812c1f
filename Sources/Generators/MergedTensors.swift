import Architectures
import Layers
import ModelFiles
import Numerics

/// A generator's backbone as its family's own files have it, its low-rank additions taken into the weights:
/// W + B A of every projection that has one.
package final class MergedTensors {
  /// A tensor's name in the family's files, its shape and its values, valid as long as this lives.
  package typealias Tensor = (name: String, shape: [Int], values: UnsafeBufferPointer<Float>)

  package private(set) var tensors: [Tensor] = []
  private let parameters: ParameterSet
  private var merged: [Merged] = []
  private var wholes: [String: UnsafeMutablePointer<Float>] = [:]

  /// A class, because arrays hold no `~Copyable` elements.
  private final class Merged {
    let buffer: FloatBuffer
    init(count: Int) { buffer = FloatBuffer(count: count) }
  }

  init(_ configuration: GeneratorConfiguration, _ parameters: ParameterSet) {
    self.parameters = parameters
    for tensor in parameters.tensors
    where tensor.group == .generator && !LinearLayer.isAddition(tensor.name) {
      let name = configuration.backbone.fileName(
        tensor.name, replacesEmbeddings: configuration.conditioning.replacesEmbeddings)
      let part = configuration.backbone.part(name, isGGUF: false)
      if part.isWhole {
        tensors.append((name, tensor.shape, values(of: tensor)))
      } else {
        let whole = whole(part, shape: part.storedShape(tensor.shape))
        part.store(values(of: tensor), shape: tensor.shape, in: whole)
      }
    }
  }

  /// The tensor of the family's files that has a part, made when its first part comes.
  private func whole(_ part: TensorPart, shape: [Int]) -> UnsafeMutablePointer<Float> {
    if let known = wholes[part.tensor] { return known }
    let whole = Merged(count: shape.reduce(1, *))
    merged.append(whole)
    let base = whole.buffer.base
    wholes[part.tensor] = base
    tensors.append(
      (part.tensor, shape, UnsafeBufferPointer(start: base, count: whole.buffer.count)))
    return base
  }

  private func values(of tensor: ParameterTensor) -> UnsafeBufferPointer<Float> {
    guard let names = LinearLayer.additions(to: tensor.name), let down = parameters[names.down],
      let up = parameters[names.up], let inputs = tensor.shape.last, let rank = down.shape.first
    else { return parameters.values(of: tensor) }
    let weight = Merged(count: tensor.range.count)
    weight.buffer.base.update(from: parameters.base(of: tensor), count: tensor.range.count)
    matmul(
      weight.buffer.base, parameters.base(of: up), parameters.base(of: down),
      m: tensor.range.count / max(inputs, 1), k: rank, n: inputs, accumulate: true)
    merged.append(weight)
    return UnsafeBufferPointer(start: weight.buffer.base, count: tensor.range.count)
  }
}

extension Generator {
  /// The backbone's tensors, with what was added to them in training merged; the conditioning's are left out.
  package func mergedTensors() -> MergedTensors { MergedTensors(configuration, parameters) }
}
