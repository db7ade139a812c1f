import Foundation
import KnowledgeSource
import Numerics
import TestSupport
import Testing

/// A document's states, to the last bit, whatever runs beside it.
@Suite struct BatchInvarianceTests {
  /// Lengths on and beside the edges of a panel of 16, an empty one, and more rows in all than go
  /// through a block together.
  static let documents = [1, 5, 17, 0, 33, 16, 96, 12, 12, 15, 90, 31, 2, 96, 96, 47, 64]
    .enumerated().map { randomDocument($0.element, seed: UInt64($0.offset)) }

  @Test(arguments: RandomSource.allCases, Precision.allCases)
  func aDocumentDoesNotDependOnItsBatch(
    _ family: RandomSource, _ precision: Precision
  ) throws {
    let source = try family.source(precision)
    for layer in 0...source.layerCount {
      let alone = try Self.documents.map { try source.bits([$0], layer: layer)[0] }
      #expect(try source.bits(Self.documents, layer: layer) == alone)
      #expect(try source.bits(Self.documents.reversed(), layer: layer) == alone.reversed())
      let oneThread = try ThreadTeam.shared.limited(to: 1) {
        try source.bits(Self.documents, layer: layer)
      }
      #expect(oneThread == alone)
    }
  }

  @Test(arguments: RandomSource.allCases)
  func aTokenDependsOnNothingAfterIt(_ family: RandomSource) throws {
    let source = try family.source()
    let ids = randomDocument(40, seed: 7)
    for layer in 1...source.layerCount {
      let before = try source.bits([ids], layer: layer)[0]
      for changed in [1, 2, 15, 16, 17, 39] {
        var other = ids
        other[changed] = (other[changed] + 1) % 53
        let after = try source.bits([other], layer: layer)[0]
        let kept = changed * source.width
        #expect(after[..<kept] == before[..<kept])
        #expect(after[kept..<kept + source.width] != before[kept..<kept + source.width])
        #expect(
          try source.bits([Array(ids[..<changed])], layer: layer)[0] == Array(before[..<kept]))
      }
    }
  }

  /// Rounding weights and rows to 8 bits moves the states by some percent, and no further; it is
  /// measured against the very states of the same weights in float32.
  @Test(arguments: RandomSource.allCases)
  func int8IsCloseToFloat32(_ family: RandomSource) throws {
    let model = family.model()
    let (exact, rounded) = (try model.source(), try model.source(.int8))
    let ids = randomDocument(40, seed: 8)
    for layer in 0...exact.layerCount {
      let a = FloatBuffer(count: 40 * exact.width)
      let b = FloatBuffer(count: 40 * exact.width)
      try exact.states(ids, layer: layer, into: a.base)
      try rounded.states(ids, layer: layer, into: b.base)
      let difference = zip(a.array(), b.array()).reduce(0) {
        $0 + pow(Double($1.0) - Double($1.1), 2)
      }
      let size = a.array().reduce(0) { $0 + pow(Double($1), 2) }
      let error = (difference / size).squareRoot()
      #expect(error <= 0.06)
      #expect(layer == 0 ? error == 0 : error > 0)
      #expect(abs(try rounded.errorAgainstFloat32(ids, layer: layer) - error) <= 1e-12)
      #expect(try exact.errorAgainstFloat32(ids, layer: layer) == 0)
    }
  }

  @Test(arguments: RandomSource.allCases)
  func goingOnFromALayerEqualsTheWholePass(_ family: RandomSource) throws {
    let source = try family.source()
    let documents = Array(Self.documents.prefix(7))
    let lengths = documents.map(\.count)
    let states = FloatBuffer(count: lengths.reduce(0, +) * source.width)
    let whole = try source.bits(documents, layer: source.layerCount)
    for middle in 0...source.layerCount {
      try source.states(batch: documents, layer: middle, normalized: false, into: states.base)
      try source.advance(states.base, lengths: lengths, from: middle, to: source.layerCount)
      #expect(states.bits(ofDocuments: lengths, width: source.width) == whole)
    }
  }
}
