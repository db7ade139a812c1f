import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport
import Testing

/// Several layers of one pass have the bits of one layer at a time.
@Suite struct SeveralLayersTests {
  static let families = RandomSource.allCases.map { Optional($0) } + [nil]

  /// One of the decoders, or the encoder.
  private func open(_ family: RandomSource?, _ precision: Precision) throws -> any Source {
    if let family { return try family.source(precision) }
    return try TemporaryFolder.with { folder in
      try EncoderSourceTests.model().write(to: folder.path)
      return try Sources.open(ModelFolder.open(folder.path), precision: precision)
    }
  }

  @Test(arguments: families, Precision.allCases)
  func severalLayersOfOnePass(_ family: RandomSource?, _ precision: Precision) throws {
    let source = try open(family, precision)
    let documents = BatchInvarianceTests.documents
    let tokens = documents.reduce(0) { $0 + $1.count }
    for layers in [[0, 1, 2, 3], [3, 1], [2, 0], [1, 2], [2, 2]] {
      let asked =
        layers.map { StateLayer($0, normalized: source.isNormalized($0)) }
        // The last one as it is before the norm too.
        + (layers.contains(3) ? [StateLayer(3, normalized: false)] : [])
      let buffers = asked.map { _ in Buffer(count: tokens * source.width) }
      try source.encode(documents, layers: asked, into: buffers.map { $0.buffer.base })
      for (place, layer) in asked.enumerated() {
        let alone = try source.bits(
          documents, layer: layer.index, normalized: layer.normalized)
        #expect(
          buffers[place].buffer.bits(ofDocuments: documents.map(\.count), width: source.width)
            == alone, "layer \(layer.index) of \(layers)")
      }
    }
  }

  private final class Buffer {
    let buffer: FloatBuffer
    init(count: Int) {
      buffer = FloatBuffer(count: count)
      for index in 0..<count { buffer[index] = .nan }
    }
  }
}
