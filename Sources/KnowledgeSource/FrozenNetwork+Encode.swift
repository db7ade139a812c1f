import Architectures
import Layers
import Numerics

// Many documents at once. Their tokens go through the matrix products together; attention stays within
// each document.
extension FrozenNetwork {
  /// Rows that go through a block together, if documents allow: enough for the matrix products to
  /// run at full speed, few enough for the activations to stay in the cache.
  static let rowsOfAPass = 512

  /// A document's rows, and the positions before them.
  struct Part {
    let earlier: [StoredKeys]
    let count: Int
  }

  /// Checks whole documents and the layers, then writes the states of each.
  ///
  /// - Precondition: there is a place for each layer.
  func encode(
    _ documents: [[Int32]], layers: [StateLayer], into outputs: [UnsafeMutablePointer<Float>]
  ) throws(KnowledgeSourceError) {
    precondition(layers.count == outputs.count, "a place for each layer")
    for layer in layers { try architecture.check(layer: layer.index) }
    for document in documents { try architecture.check(document) }
    encode(
      documents.lazy.joined(), parts: documents.map { Part(earlier: [], count: $0.count) },
      layers: layers, into: outputs)
  }

  /// Embeds documents, takes them through the blocks, and writes the states of every layer asked for.
  func encode(
    _ ids: some Sequence<Int32>, parts: [Part], layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) {
    let count = parts.reduce(0) { $0 + $1.count }
    guard let last = Self.highest(layers) else { return }
    let x = Rows(outputs[last], count: count, width: width)
    embed(x, ids, Sequences(parts.map(\.count), earlier: parts.map(\.earlier)))
    run(
      x, parts: parts, from: 0, to: layers[last].index, stops: Set(layers.map(\.index))
    ) { layer, range in
      write(x, range, at: layer, layers, but: last, into: outputs)
    }
    if layers[last].normalized { normalize(x) }
  }

  /// The same of sequences of `rows` rows in all that go through the blocks together, and whose keys and values
  /// are kept.
  func encode(
    _ ids: some Sequence<Int32>, _ sequences: Sequences, rows: Int, layers: [StateLayer],
    into outputs: [UnsafeMutablePointer<Float>]
  ) {
    guard let last = Self.highest(layers) else { return }
    let x = Rows(outputs[last], count: rows, width: width)
    embed(x, ids, sequences)
    forward(
      x, sequences, from: 0, to: layers[last].index, stops: Set(layers.map(\.index))
    ) { layer in
      write(x, 0..<rows, at: layer, layers, but: last, into: outputs)
    }
    if layers[last].normalized { normalize(x) }
  }

  /// The number of the highest layer: in its place the pass runs.
  private static func highest(_ layers: [StateLayer]) -> Int? {
    layers.indices.max { layers[$0].index < layers[$1].index }
  }

  /// Writes rows that stand at a layer to the places of those that are asked for it.
  private func write(
    _ x: Rows, _ range: Range<Int>, at layer: Int, _ layers: [StateLayer], but last: Int,
    into outputs: [UnsafeMutablePointer<Float>]
  ) {
    for (place, asked) in layers.enumerated() where asked.index == layer && place != last {
      let out = Rows(outputs[place], count: x.count, width: width)[range]
      out.update(from: x[range])
      if asked.normalized { normalize(out) }
    }
  }

  /// Takes rows through the blocks from one layer to another, in place; `reached` is called at the first, at each
  /// of the stops between, and at the last.
  private func forward(
    _ x: Rows, _ sequences: Sequences, from first: Int, to last: Int, stops: Set<Int>,
    reached: (_ layer: Int) -> Void
  ) {
    var layer = first
    reached(layer)
    for stop in stops.filter({ $0 > first && $0 < last }).sorted() + [last] where stop > layer {
      forward(x, sequences, layers: layer..<stop)
      layer = stop
      reached(layer)
    }
  }

  /// Takes rows of documents from one layer to another, un-normalised, in place.
  ///
  /// - Parameters:
  ///   - stops: layers on the way at which the stream is whole, as at the first and the last.
  ///   - reached: called when rows stand at one of them.
  func run(
    _ x: Rows, parts: [Part], from first: Int, to last: Int, stops: Set<Int> = [],
    reached: (_ layer: Int, _ rows: Range<Int>) -> Void = { _, _ in }
  ) {
    var row = 0
    var next = 0
    while next < parts.count {
      var rows = parts[next].count
      var end = next + 1
      while end < parts.count, rows + parts[end].count <= Self.rowsOfAPass {
        rows += parts[end].count
        end += 1
      }
      let pass = Pass(x[row..<row + rows], parts[next..<end], heads: heads)
      forward(pass.rows, pass.sequences, from: first, to: last, stops: stops) { layer in
        reached(layer, row..<row + rows)
      }
      row += rows
      next = end
    }
  }

  private var heads: AttentionHeads { architecture.block(0).attention.heads }

  /// Documents that go through the blocks together; the keys and values of one layer at a time are kept.
  private struct Pass {
    let rows: Rows
    let sequences: Sequences

    init(_ rows: Rows, _ parts: ArraySlice<Part>, heads: AttentionHeads) {
      self.rows = rows
      var next = 0
      sequences = Sequences(
        parts.map { part in
          defer { next += part.count }
          return Sequences.Part(
            rows: next..<next + part.count, earlier: part.earlier,
            own: StoredKeys(
              KeyValueMemory(heads: heads, capacity: part.count, layers: nil), count: 0))
        })
    }
  }
}

extension Sequences {
  /// Documents of some lengths, each after what came before it.
  convenience init(_ lengths: [Int], earlier: [[StoredKeys]]) {
    var next = 0
    self.init(
      zip(lengths, earlier).map { length, earlier in
        defer { next += length }
        return Part(rows: next..<next + length, earlier: earlier)
      })
  }
}
