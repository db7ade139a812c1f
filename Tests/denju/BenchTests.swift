import Foundation
import TestSupport
import Testing

/// The benchmark's form, never its figures: it runs, and its report is sane.
@Suite struct BenchTests {
  struct Report: Decodable {
    struct Entry: Decodable {
      struct Timing: Decodable {
        let name: String
        let isOurs: Bool
        let seconds: [Double]
      }
      let timing: Timing
      let tokensPerSecond: Double
      let timesBestPeer: Double?
      let shareOfProduct: Double
    }
    struct Result: Decodable {
      let source: String
      let workload: String
      let documents: Int
      let tokens: Int
      let operations: Double
      let entries: [Entry]
    }
    struct Skipped: Decodable {
      let name: String
      let reason: String
    }
    let results: [Result]
    let others: [Result]
    let skipped: [Skipped]
  }

  @Test func `precompute without peers names each as skipped`() throws {
    let workshop = try Workshop()
    let outcome = expectSuccess(
      try workshop.denju(
        "bench", "precompute", "--source", "source", "--source", "source",
        "--lengths", "8,16", "--tokens", "32", "--rounds", "1", "--other-rounds", "1",
        "--other-length", "8", "--corpus", "train.jsonl", "--peers", "none",
        "--product", "32", "--out", "table.md", "--json"))
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(report.results.map(\.workload) == ["8", "16", "mix"])
    #expect(report.results.prefix(2).map(\.tokens) == [32, 32])
    #expect(report.others.map(\.workload) == ["8"])
    for result in report.results + report.others {
      #expect(result.operations > 0)
      for entry in result.entries {
        #expect(entry.timing.isOurs && entry.timing.seconds.count == 1)
        #expect(entry.tokensPerSecond > 0 && entry.shareOfProduct > 0)
        #expect(entry.timesBestPeer == nil)
      }
    }
    for name in [
      "transformers float32", "transformers bfloat16", "llama.cpp F32", "OpenBLAS (numpy)",
    ] {
      #expect(report.skipped.contains { $0.name == name }, "\(name) is not named")
    }
    let table = try String(contentsOfFile: workshop.path("table.md"), encoding: .utf8)
    #expect(table.contains("| **Denju float32** |"))
    #expect(table.contains("- llama.cpp Q4_0: "))
  }

  @Test func `engines runs both beside each other, or names what is not there`() throws {
    struct Report: Decodable {
      struct Row: Decodable {
        let name: String
        let rates: [Double]
      }
      struct Skipped: Decodable { let name: String }
      let engines: [String]
      let rows: [Row]
      let skipped: [Skipped]
    }
    let workshop = try Workshop()
    let outcome = expectSuccess(
      try workshop.denju(
        "bench", "engines", "--source", "source", "--corpus", "train.jsonl", "--length", "8",
        "--tokens", "32", "--rounds", "1", "--only", "one token", "--json"))
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(report.engines.first == "our kernels")
    if report.engines.count == 1 {
      #expect(report.skipped.map(\.name) == ["OpenBLAS"])
    } else {
      #expect(report.engines.last?.hasPrefix("OpenBLAS ") == true)
    }
    #expect(report.rows.last?.name == "stage one")
    #expect(report.rows.map(\.name).prefix(2) == ["gate and up, one token", "down, one token"])
    #expect(report.rows.count == 3)
    for row in report.rows {
      #expect(row.rates.count == report.engines.count && row.rates.allSatisfy { $0 > 0 })
    }
  }

  @Test func `a length beyond the source and a list with an unknown precision are refused`() throws
  {
    let workshop = try Workshop()
    let bench = ["bench", "precompute", "--source", "source", "--corpus", "train.jsonl"]
    expectRefusal(
      try workshop.denju(bench + ["--lengths", "8,1000000"]), "1000000", "positions")
    expectRefusal(
      try workshop.denju(bench + ["--precision", "float32,float3"]), status: 64, "float3")
  }

  @Test func `answers compares a run's own states with another cache's`() throws {
    struct Answers: Decodable {
      let documents: Int
      let unchanged: Int
    }
    let workshop = try Workshop()
    try workshop.prepare()
    func precompute(_ cache: String, _ options: String...) throws {
      expectSuccess(try workshop.denju(workshop.precomputing("--cache", cache) + options))
    }
    func answers(from cache: String) throws -> Answers {
      let outcome = expectSuccess(
        try workshop.denju("bench", "answers", "--run", "run", "--other", cache, "--json"))
      return try JSONDecoder().decode(Answers.self, from: Data(outcome.output.utf8))
    }
    let same = try answers(from: "cache.sqlite")
    #expect(same.documents == Workshop.sizes["test"] && same.unchanged == same.documents)

    try precompute("int8.sqlite", "--precision", "int8")
    #expect(try answers(from: "int8.sqlite").documents == same.documents)
    try precompute("layer.sqlite", "--layer", "1")
    expectRefusal(
      try workshop.denju("bench", "answers", "--run", "run", "--other", "layer.sqlite"),
      "layer.sqlite", "layer")
  }

  @Test func `codecs are compared by bytes, loss and a run's answers`() throws {
    struct Comparison: Decodable {
      struct Answers: Decodable {
        let documents: Int
        let unchanged: Int
      }
      struct Arm: Decodable {
        let codec: String
        let bytesPerToken: Double
        let relativeError: Double
        let answers: Answers
      }
      let tokens: Int
      let arms: [Arm]
    }
    let workshop = try Workshop()
    try workshop.prepare()
    try workshop.write("many.jsonl", Workshop.rows(0..<200))
    let compare = [
      "cache", "codecs", "--source", "source", "--corpus", "many.jsonl", "--run", "run",
    ]
    let outcome = expectSuccess(
      try workshop.denju(
        compare + ["--codec", "float32,int8,transform:0.1", "--out", "report", "--json"]))
    let comparison = try JSONDecoder().decode(Comparison.self, from: Data(outcome.output.utf8))
    #expect(comparison.arms.map(\.codec).prefix(2) == ["float32", "int8"])
    #expect(comparison.arms[2].codec.hasPrefix("transform:0.1:"))
    let bytes = comparison.arms.map(\.bytesPerToken)
    #expect(bytes[0] > bytes[1] && bytes[1] > bytes[2])
    #expect(comparison.arms[0].relativeError == 0)
    let answers = comparison.arms.map(\.answers)
    #expect(answers.allSatisfy { $0.documents == Workshop.sizes["test"] })
    #expect(answers[0].unchanged == answers[0].documents, "nothing is lost in float32")

    let table = String(decoding: try workshop.bytes("report/codecs.csv"), as: UTF8.self).split(
      separator: "\n")
    #expect(table.count == 4 && table[0].hasSuffix("answers unchanged"))
    #expect(table.allSatisfy { $0.split(separator: ",").count == 9 })
    let picture = String(decoding: try workshop.bytes("report/codecs.svg"), as: UTF8.self)
    #expect(picture.hasPrefix("<svg") && picture.contains("transform:0.1, "))

    expectRefusal(try workshop.denju(compare + ["--layer", "1"]), "run", "--layer")
  }

  @Test func `loss counts every token but the first`() throws {
    struct Loss: Decodable {
      let documents: Int
      let tokens: Int
      let loss: Double
    }
    let workshop = try Workshop()
    let outcome = expectSuccess(
      try workshop.denju(
        "bench", "loss", "--source", "source", "--corpus", "train.jsonl",
        "--tokens", "100", "--json"))
    let loss = try JSONDecoder().decode(Loss.self, from: Data(outcome.output.utf8))
    #expect(loss.tokens >= 100 && loss.documents > 1)
    // A source of random weights knows nothing: about the logarithm of its vocabulary.
    #expect(loss.loss > 1 && loss.loss < 20)
  }
}
