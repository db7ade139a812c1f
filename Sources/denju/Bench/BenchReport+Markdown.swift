import Foundation

extension BenchReport {
  /// The report as Markdown, for people to read.
  var markdown: String {
    ([heading, speeds, shares]
      + [otherSources, productTable, settings, notRun].filter { !$0.isEmpty })
      .joined(separator: "\n\n") + "\n"
  }

  private var heading: String {
    let peers = Set(versions.values).sorted().joined(separator: "; ")
    return """
      # Precompute's speed

      Written by `denju bench precompute`; do not edit.

      - \(machine.date), commit \(machine.commit)
      - \(machine.processor), \(machine.cores) cores, \(machine.threads) threads, \
      \(machine.extensions.joined(separator: " ")); \(machine.system); our kernels: \
      \(machine.instructionSet)
      - Medians of \(rounds) rounds; in a round contender by contender, the same token ids for all, \
      from \(corpus)
      - Peers: \(peers.isEmpty ? "none" : peers)
      - Peaks in this run: float32 multiply-adds in registers \(Self.giga(peaks.fma)) GFLOP/s, 8-bit \
      products in registers \(Self.giga(peaks.dotInt8)) GOP/s, our best \
      \(peaks.side)³ matrix product \(Self.giga(peaks.product)) GFLOP/s
      """
  }

  /// Tokens a second: a row a contender, a column a workload.
  private var speeds: String {
    let source = results.first?.source ?? ""
    let columns = results.map { result in
      result.workload == Workload.mix
        ? "mix (\(result.documents) prompts, mean \(result.tokens / max(result.documents, 1)))"
        : "\(result.workload) tokens"
    }
    var table = MarkdownTable(["tokens/s (× the best peer)"] + columns)
    for (row, entry) in (results.first?.entries ?? []).enumerated() {
      table.add(
        [entry.timing.isOurs ? "**\(entry.timing.name)**" : entry.timing.name]
          + results.map { result in
            let entry = result.entries[row]
            let times = entry.timesBestPeer.map { String(format: " (%.2f×)", $0) } ?? ""
            return "\(Int(entry.tokensPerSecond.rounded()))\(times)"
          })
    }
    return "## \(source)\n\n\(table.text)"
  }

  private var shares: String {
    var table = MarkdownTable([
      "workload", "contender", "× transformers' better", "GOP/s", "of our 2048³ product",
      "of the multiply-add peak", "of the 8-bit peak",
    ])
    for result in results {
      for entry in result.entries where entry.timing.isOurs {
        table.add([
          result.workload, entry.timing.name,
          entry.timesTransformers.map { String(format: "%.2f", $0) } ?? "-",
          Self.giga(entry.operationsPerSecond), Self.percent(entry.shareOfProduct),
          Self.percent(entry.shareOfFMA), Self.percent(entry.shareOfDotInt8),
        ])
      }
    }
    return
      "2 operations a multiply-add; the causal half of attention; without embedding and output "
      + "layer.\n\n\(table.text)"
  }

  private var otherSources: String {
    guard let first = others.first else { return "" }
    var table = MarkdownTable([
      "source", "contender", "tokens/s", "GOP/s", "of our 2048³ product", "of the 8-bit peak",
    ])
    for result in others {
      for entry in result.entries {
        table.add([
          result.source, entry.timing.name, "\(Int(entry.tokensPerSecond.rounded()))",
          Self.giga(entry.operationsPerSecond), Self.percent(entry.shareOfProduct),
          Self.percent(entry.shareOfDotInt8),
        ])
      }
    }
    return "## Other sources, \(first.workload) tokens\n\n\(table.text)"
  }

  private var productTable: String {
    guard let first = products.first else { return "" }
    let names = first.rates.keys.sorted()
    var table = MarkdownTable(["m × k × n, GFLOP/s"] + names + ["fastest"])
    for product in products {
      let best = product.rates.max { $0.value < $1.value }?.key ?? ""
      table.add(
        ["\(product.m) × \(product.k) × \(product.n)"]
          + names.map { Self.giga(product.rates[$0] ?? .nan) } + [best])
    }
    return "## Matrix products\n\n`out[m, n] = x[m, k] Wᵀ` in float32; the weight packed before in "
      + "ours, as a source's is.\n\n\(table.text)"
  }

  private var settings: String {
    let lines = results.flatMap { result in
      result.entries.compactMap { entry in
        entry.timing.setting.map { "- \(result.workload): \(entry.timing.name): \($0)" }
      }
    }
    return lines.isEmpty
      ? "" : "## Peers' settings, chosen before the rounds\n\n\(lines.joined(separator: "\n"))"
  }

  private var notRun: String {
    skipped.isEmpty
      ? ""
      : "## Skipped\n\n"
        + skipped.map { "- \($0.name): \($0.reason)" }.joined(separator: "\n")
  }

  private static func giga(_ rate: Double) -> String { String(format: "%.0f", rate * 1e-9) }
  private static func percent(_ share: Double) -> String { String(format: "%.0f%%", share * 100) }
}

/// A table as Markdown has it: the first column to the left, the others to the right.
struct MarkdownTable {
  private var lines: [String]

  init(_ header: [String]) {
    lines = [Self.line(header)]
    lines.append("|---|" + String(repeating: "---:|", count: header.count - 1))
  }

  mutating func add(_ row: [String]) { lines.append(Self.line(row)) }

  var text: String { lines.joined(separator: "\n") }

  private static func line(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }
}
