import Architectures
import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport

/// The small random models that sources are tested with.
enum RandomSource: String, CaseIterable, CustomStringConvertible {
  case llama
  case qwen2
  /// As many key-value heads as heads, a head size that is no multiple of 16, an untied head.
  case odd
  /// Learned positions, windows, layer norms.
  case gptNeo

  var description: String { rawValue }

  func model() -> TinyModel {
    var shape = TinyShape.small
    switch self {
    case .llama: return TinyModel(.llama, shape)
    case .qwen2:
      (shape.heads, shape.keyValueHeads, shape.headSize) = (4, 1, 24)
      return TinyModel(.qwen2, shape)
    case .gptNeo: return TinyModel(.gptNeo, .plain)
    case .odd:
      (shape.heads, shape.keyValueHeads, shape.headSize) = (3, 3, 10)
      shape.isTied = false
      return TinyModel(.llama, shape)
    }
  }

  func source(_ precision: Precision = .float32) throws -> DecoderSource {
    try model().source(precision)
  }
}

extension TinyModel {
  /// Writes its files and opens them.
  func source(_ precision: Precision = .float32) throws -> DecoderSource {
    try TemporaryFolder.with { folder in
      try write(to: folder.path)
      return try DecoderSource(ModelFolder.open(folder.path), precision: precision)
    }
  }
}

extension Source {
  func bits(
    _ documents: [[Int32]], layer: Int, normalized: Bool? = nil
  ) throws -> [[UInt32]] {
    let out = FloatBuffer(count: documents.reduce(0) { $0 + $1.count } * width)
    try states(batch: documents, layer: layer, normalized: normalized, into: out.base)
    return out.bits(ofDocuments: documents.map(\.count), width: width)
  }
}

extension SourceSession {
  func bits(appending ids: [Int32]) throws -> [UInt32] {
    let out = FloatBuffer(count: ids.count * source.width)
    try append(ids, into: out.base)
    return out.bits
  }
}
