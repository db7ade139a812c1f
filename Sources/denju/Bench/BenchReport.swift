import Architectures
import Foundation
import ModelFiles
import Numerics

/// What `denju bench precompute` found, as `--json` prints it. Rates are operations or tokens a
/// second.
struct BenchReport: Codable {
  struct Skipped: Codable {
    let name: String
    let reason: String
  }

  /// One contender's seconds on one workload, a value a round.
  struct Timing: Codable {
    let name: String
    let isOurs: Bool
    let setting: String?
    var seconds: [Double] = []

    init(name: String, isOurs: Bool, setting: String?) {
      (self.name, self.isOurs, self.setting) = (name, isOurs, setting)
    }
  }

  /// One contender's median on one workload, and what it is a share of.
  struct Entry: Codable {
    let timing: Timing
    let tokensPerSecond: Double
    /// Times the best peer of this workload; nil where no peer ran.
    let timesBestPeer: Double?
    /// How many times the rate of transformers' better precision this is.
    let timesTransformers: Double?
    let operationsPerSecond: Double
    let shareOfProduct: Double
    let shareOfFMA: Double
    let shareOfDotInt8: Double
  }

  struct Result: Codable {
    let source: String
    let workload: String
    let documents: Int
    let tokens: Int
    /// 2 a multiply-add, the causal half of attention, without embedding and output layer.
    let operations: Double
    let entries: [Entry]
  }

  /// A matrix product out[m, n] = x[m, k] Wᵀ and its rate by contender.
  struct Product: Codable {
    let m, k, n: Int
    let rates: [String: Double]
  }

  let machine: Machine
  let rounds: Int
  let corpus: String
  /// What peers are made of, by name.
  let versions: [String: String]
  let peaks: MachinePeaks
  /// The first source's, by workload.
  let results: [Result]
  /// The other sources', at one length.
  let others: [Result]
  let products: [Product]
  let skipped: [Skipped]

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

extension BenchReport.Result {
  init(
    source: String, _ workload: Workload, _ sizes: any Architecture,
    _ timings: [BenchReport.Timing], _ peaks: MachinePeaks
  ) {
    self.source = source
    self.workload = workload.name
    documents = workload.documents.count
    let tokens = workload.tokens
    let operations = workload.documents.reduce(0) { $0 + sizes.operations(documentOf: $1.count) }
    (self.tokens, self.operations) = (tokens, operations)
    func rate(_ timing: BenchReport.Timing) -> Double {
      Double(tokens) / BenchReport.median(timing.seconds)
    }
    let peers = timings.filter { !$0.isOurs }
    let best = peers.map(rate).max()
    let transformers = peers.filter { $0.name.hasPrefix("transformers") }.map(rate).max()
    entries = timings.map { timing in
      let operationsPerSecond = operations / BenchReport.median(timing.seconds)
      return BenchReport.Entry(
        timing: timing, tokensPerSecond: rate(timing),
        timesBestPeer: best.map { rate(timing) / $0 },
        timesTransformers: transformers.map { rate(timing) / $0 },
        operationsPerSecond: operationsPerSecond,
        shareOfProduct: operationsPerSecond / peaks.product,
        shareOfFMA: operationsPerSecond / peaks.fma,
        shareOfDotInt8: operationsPerSecond / peaks.dotInt8)
    }
  }
}

extension Architecture {
  /// Operations of a whole document through all blocks.
  func operations(documentOf tokens: Int) -> Double {
    operations(tokens: tokens, attended: tokens * (tokens + 1) / 2, layers: layerCount)
  }
}

extension BenchReport {
  /// The machine that was measured, and when.
  struct Machine: Codable {
    let processor: String
    let cores: Int
    let threads: Int
    let instructionSet: String
    let extensions: [String]
    let system: String
    let date: String
    let commit: String

    static func current() -> Machine {
      let facts = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      func fact(_ name: String) -> String? {
        facts.split(separator: "\n").first { $0.hasPrefix(name) }?
          .split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces)
      }
      let flags = Set((fact("flags") ?? "").split(separator: " ").map(String.init))
      let told = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8"]
      let family = ["cpu family", "model\t"].compactMap { fact($0) }.joined(separator: "/")
      return Machine(
        processor: (fact("model name") ?? "unknown") + (family.isEmpty ? "" : " (\(family))"),
        cores: ProcessInfo.processInfo.activeProcessorCount, threads: ThreadTeam.shared.count,
        instructionSet: "\(Numerics.instructionSet)", extensions: told.filter(flags.contains),
        system: ProcessInfo.processInfo.operatingSystemVersionString,
        date: Date.now.formatted(
          .iso8601.year().month().day().time(includingFractionalSeconds: false)),
        commit: commit())
    }

    /// The checkout's commit, marked where files differ from it.
    private static func commit() -> String {
      let git = Process()
      let output = Pipe()
      git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      git.arguments = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
      git.standardOutput = output
      git.standardError = FileHandle.nullDevice
      guard (try? git.run()) != nil else { return "unknown" }
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      git.waitUntilExit()
      return text.isEmpty ? "unknown" : text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}
