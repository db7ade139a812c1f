import Numerics

/// How often a prompt has each token: what there is to read out without any model.
package struct BagOfTokens {
  /// A column for each token of the training prompts; of more than these, the commonest.
  private let columns: [Int32: Int]

  package static let mostColumns = 1024

  package init(_ prompts: [[Int32]]) {
    let counts = Dictionary(prompts.joined().map { ($0, 1) }, uniquingKeysWith: +)
    let kept = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(Self.mostColumns)
    columns = Dictionary(
      uniqueKeysWithValues: kept.map(\.key).sorted().enumerated().map { ($0.element, $0.offset) })
  }

  package var width: Int { columns.count }

  /// Writes the counts of prompts [N, width].
  package func write(_ prompts: [[Int32]], to out: Rows) {
    out.fill(0)
    for (row, prompt) in prompts.enumerated() {
      for token in prompt {
        if let column = columns[token] { out.row(row)[column] += 1 }
      }
    }
  }
}
