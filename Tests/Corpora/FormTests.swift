import Corpora
import Foundation
import TestSupport
import Testing

/// A form is a value and a line in a registry that is handed in: nothing else knows which there are.
@Suite struct FormTests {
  let folder: TemporaryFolder
  private let forms = CorpusForms(CorpusForms.builtIn.forms + [TabForm()])

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func `a toy form is told by name, by ending and by its first byte, and read`() throws {
    let text = "#one\tuno\nbroken\n#two\tdos\n"
    let corpora = [
      try Corpus(try folder.write("a.tsv", text), forms: forms),
      try Corpus(try folder.write("b.dat", text), forms: forms),
      try Corpus(try folder.write("c.jsonl", text), form: forms.named("tabs")),
    ]
    for corpus in corpora {
      #expect(corpus.form.name == "tabs")
      let reader = try corpus.reader(badRows: .skip)
      var rows: [CorpusRow] = []
      while let row = try reader.next() { rows.append(row) }
      #expect(rows.map(\.response) == ["uno", "dos"] && rows.map(\.location.line) == [1, 3])
      #expect(reader.bad.counts == ["no `response`": 1])
      #expect(throws: CorpusError.self) {
        let strict = try corpus.reader()
        while try strict.next() != nil {}
      }
    }
  }

  @Test func `a toy form is split as any other`() throws {
    let text = (0..<200).map { "prompt \($0)\tresponse \($0)" }.joined(separator: "\n")
    let corpus = try Corpus(try folder.write("a.tsv", text), forms: forms)
    let split = SplitCorpus.hashed(corpus, try HashSplit(seed: 1, validation: 0.2, test: 0.2))
    let reader = try split.reader(badRows: .fail)
    var counts: [CorpusSplit: Int] = [:]
    while let (_, set) = try reader.next() { counts[set, default: 0] += 1 }
    #expect(counts.count == 3 && counts.values.reduce(0, +) == 200)
  }

  @Test func `who doesn't have the form is told which there are`() throws {
    let path = try folder.write("b.dat", "#one\tuno\n")
    let error = #expect(throws: CorpusError.self) { try Corpus(path) }
    #expect("\(try #require(error))".contains("--format jsonl|json|text"))
    let known = #expect(throws: CorpusError.self) {
      try Corpus(try folder.write("c.dat", "?"), forms: forms)
    }
    #expect("\(try #require(known))".contains("--format jsonl|json|text|tabs"))
  }
}
