import Corpora
import Foundation
import TestSupport
import Testing

/// Files: line ends, marks, arrays, limits, counting.
@Suite struct ReaderTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func line(_ text: String) -> String { #"{"text": "\#(text)"}"# }

  @Test func lineEndsMarksAndBlankLines() throws {
    let text = "\u{FEFF}" + line("a") + "\r\n\r\n  \n" + line("b") + "\n" + line("c")
    let corpus = try Corpus(try folder.write("a.jsonl", text))
    let reader = try corpus.reader()
    var rows: [CorpusRow] = []
    while let row = try reader.next() { rows.append(row) }
    #expect(rows.map(\.response) == ["a", "b", "c"])
    #expect(rows.map(\.location.line) == [1, 4, 5])
    #expect(reader.bad.total == 0)
  }

  @Test func badRowsAreCountedByReasonOrFatal() throws {
    let text = [line("a"), "{", line(" "), line("b"), "{", "[]"].joined(separator: "\n")
    let (rows, bad) = try folder.rows("a.jsonl", Array(text.utf8))
    #expect(rows.map(\.response) == ["a", "b"])
    #expect(bad.counts == ["not JSON": 2, "empty response": 1, "not an object": 1])
    #expect(bad.examples["not JSON"]?.location.line == 2)
    #expect(
      bad.description == "2 not JSON (first: a.jsonl:2); 1 empty response (first: a.jsonl:3); "
        + "1 not an object (first: a.jsonl:6)")
    let strict = try Corpus(folder.path("a.jsonl")).reader()
    _ = try strict.next()
    let error = #expect(throws: CorpusError.self) { try strict.next() }
    #expect(error?.description.hasPrefix("a.jsonl:2: not JSON: ") == true)
  }

  @Test func aRejectedRowCounts() throws {
    let corpus = try Corpus(try folder.write("a.jsonl", line("a")))
    let reader = try corpus.reader(badRows: .skip)
    let row = try #require(try reader.next())
    try reader.reject(row, .tooLong(tokens: 9, limit: 5))
    #expect(reader.bad.counts == ["too long": 1])
    let error = #expect(throws: CorpusError.self) { try reader.next() }
    #expect(
      error?.description.hasSuffix("has no usable row: 1 too long (first: a.jsonl:1)") == true)
  }

  @Test func linesAcrossBlocksAndBeyondTheLimit() throws {
    // Longer than the reader's block of a mebibyte, so that lines lie across blocks.
    let lengths = [10, 700_000, 1_048_560, 2_500_000, 10, 3_000_000, 10]
    let text = lengths.map { line(String(repeating: "x", count: $0)) }.joined(separator: "\n")
    let (rows, bad) = try folder.rows("a.jsonl", Array(text.utf8), rowLimit: 2_600_000)
    #expect(rows.map { $0.response.utf8.count } == [10, 700_000, 1_048_560, 2_500_000, 10, 10])
    #expect(rows.last?.location.line == 7)
    #expect(bad.counts == ["too many bytes": 1])
    #expect(bad.examples["too many bytes"]?.location.line == 6)
  }

  @Test func anArrayIsReadByElement() throws {
    let text =
      "\u{FEFF} [\n" + line("a, ]}\\\" [{") + " ,\n\n" + line("b") + "\n, 3, " + line("c") + "]\n\n"
    let (rows, bad) = try folder.rows("a.json", Array(text.utf8))
    #expect(rows.map(\.response) == ["a, ]}\" [{", "b", "c"])
    #expect(rows.map(\.location.line) == [2, 4, 5])
    #expect(bad.counts == ["not an object": 1])
  }

  @Test(arguments: [
    ("[", 0), ("[3", 0), ("[{\"text\": \"a\"}", 1), ("[{\"text\": \"a\"},", 1),
    ("[{\"text\": \"a\"} {}]", 1),
    ("[{\"text\": \"a\"}]]", 1), ("[{\"text\": \"a\"}, {\"text\": \"b", 1),
    ("[{\"text\": \"a\"},]", 1),
    ("[,{\"text\": \"a\"}]", 1),
  ])
  func brokenArrays(text: String, usable: Int) throws {
    let corpus = try Corpus(try folder.write("a.json", text))
    let reader = try corpus.reader(badRows: .skip)
    var rows = 0
    do {
      while try reader.next() != nil { rows += 1 }
    } catch {
      #expect(usable == 0)
    }
    #expect(rows == usable)
    #expect(reader.bad.total == 1)
    #expect(throws: CorpusError.self) {
      let strict = try corpus.reader()
      while try strict.next() != nil {}
    }
  }

  @Test func anElementBeyondTheLimit() throws {
    let text = "[" + line(String(repeating: "x", count: 200)) + "," + line("b") + "]"
    let (rows, bad) = try folder.rows("a.json", Array(text.utf8), rowLimit: 100)
    #expect(rows.map(\.response) == ["b"])
    #expect(bad.counts == ["too many bytes": 1])
  }

  @Test func formats() throws {
    #expect(try Corpus(try folder.write("a.ndjson", "")).form is LinesForm)
    #expect(try Corpus(try folder.write("a.txt", "")).form is TextForm)
    #expect(try Corpus(try folder.write("a.json", " \n[")).form is ArrayForm)
    #expect(try Corpus(try folder.write("b.json", "{}\n{}")).form is LinesForm)
    #expect(
      throws: CorpusError.unknownForm(
        file: folder.path("c.dat"), known: ["jsonl", "json", "text"])
    ) {
      try Corpus(try folder.write("c.dat", "hello"))
    }
    #expect(throws: CorpusError.self) {
      try Corpus(folder.path("absent.json"))
    }
    #expect(throws: CorpusError.self) {
      try Corpus(folder.path, form: LinesForm()).reader()
    }
  }

  @Test(arguments: [
    ("a.jsonl", ""), ("b.jsonl", "\n \n\r\n"), ("c.json", "[]"), ("d.txt", ""),
    ("e.jsonl", "\u{FEFF}"),
  ])
  func anEmptyCorpusIsAnError(name: String, text: String) throws {
    let corpus = try Corpus(
      try folder.write(name, text), form: name == "c.json" ? ArrayForm() : nil)
    let error = #expect(throws: CorpusError.self) { try corpus.reader(badRows: .skip).next() }
    #expect(error?.description.contains("row") == true)
  }

  @Test func aTextFileIsOneDocument() throws {
    let (rows, _) = try folder.rows("a.txt", Array("one\r\n\n\ntwo\n".utf8))
    #expect(rows.map(\.response) == ["one\r\n\n\ntwo\n"])
    #expect(rows.first?.prompt == CorpusRow.Prompt.none)
    let error = #expect(throws: CorpusError.self) { try folder.rows("b.txt", [0x61, 0xFF]) }
    #expect(error?.description.contains("not UTF-8") == true)
  }

  @Test func theSharedCorpora() throws {
    let gsm8k = Checkout.shared("data/gsm8k/test.jsonl")
    guard Checkout.exists(gsm8k) else { return }
    let reader = try Corpus(gsm8k).reader()
    var count = 0
    while let row = try reader.next() {
      guard case .raw = row.prompt else {
        Issue.record("\(row.location) is not raw")
        return
      }
      count += 1
    }
    #expect(count == 1319)
    let stratos = try Corpus(Checkout.shared("data/bespoke-stratos-row.json")).reader()
    let row = try #require(try stratos.next())
    guard case .messages(let turns) = row.prompt else {
      Issue.record("no conversation")
      return
    }
    #expect(turns.map(\.role) == [.system, .user])
    #expect(row.response.hasPrefix("<|begin_of_thought|>"))
  }
}
