import Corpora
import Foundation
import TestSupport
import Testing

/// A corpus in parts for several machines.
@Suite struct ShardTests {
  private func rows(_ reader: SplitReader) throws -> [String] {
    var found: [String] = []
    while let (row, split) = try reader.next() { found.append("\(row.location) \(split)") }
    return found
  }

  @Test func partsAreTheWhole() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<400).map { #"{"prompt": "p\#($0 % 300)", "response": "r\#($0)"}"# }
    let path = try folder.write("rows.jsonl", lines.joined(separator: "\n") + "\n")
    let corpus = SplitCorpus.hashed(
      try Corpus(path), try HashSplit(seed: 1, validation: 0.2, test: 0.2))
    let whole = try rows(try corpus.reader())
    #expect(try rows(try corpus.reader(shard: CorpusShard(number: 1, of: 1))) == whole)
    let parts = try (1...4).map {
      try rows(try corpus.reader(shard: CorpusShard(number: $0, of: 4)))
    }
    #expect(parts.flatMap(\.self).sorted() == whole.sorted())
    for part in parts { #expect((60...140).contains(part.count)) }
    // Equal prompts stay together: rows 0 and 300 have one.
    for line in 1...100 {
      let homes = parts.indices.filter { index in
        parts[index].contains { $0.hasPrefix("rows.jsonl:\(line) ") }
          || parts[index].contains { $0.hasPrefix("rows.jsonl:\(line + 300) ") }
      }
      #expect(homes.count == 1)
    }
  }

  @Test func theCutIsAContract() throws {
    // By an independent computation: int(sha256(b"denju shard 1" + b"hello").hexdigest()[:16], 16) % 7.
    let row = CorpusRow(
      prompt: .raw("hello"), response: "", location: CorpusLocation(file: "f", line: 1))
    let home = try (1...7).filter { try CorpusShard(number: $0, of: 7).contains(row) }
    #expect(home == [5])
  }

  @Test(arguments: ["", "1", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/2/3", "1/"])
  func whatIsNoShard(text: String) {
    #expect(throws: CorpusError.self) { try CorpusShard(parsing: text) }
  }
}
