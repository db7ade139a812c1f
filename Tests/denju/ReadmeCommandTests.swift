import Foundation
import TestSupport
import Testing

/// README's table of commands and the program's own help agree.
@Suite struct ReadmeCommandTests {
  /// A row of the table: the words of its verb, and the flags that it names.
  private struct Row {
    let verb: [String]
    let flags: [String]
  }

  /// The rows of the table under "Commands".
  private static func rows() throws -> [Row] {
    let text = try String(contentsOfFile: Checkout.path("README.md"), encoding: .utf8)
    let section = try #require(text.components(separatedBy: "\n## Commands\n").dropFirst().first)
    let table = try #require(section.components(separatedBy: "\n## ").first)
    return table.split(separator: "\n").compactMap { line in
      guard let command = line.firstMatch(of: #/^\| `denju ([^`]+)` \|/#) else { return nil }
      let verb = command.1.split(separator: " ").prefix {
        $0.wholeMatch(of: #/[a-z]+(-[a-z]+)*/#) != nil
      }
      // What is quoted of another command, as `precompute --shard`, is that command's.
      let flags = line.replacing(#/`[a-z]+ --[^`]+`/#) { match in
        match.output.hasPrefix("`denju ") ? String(match.output) : ""
      }.matches(of: #/--([a-z-]+)/#).map { String($0.1) }
      return Row(verb: verb.map(String.init), flags: flags)
    }
  }

  private static func help(_ verb: [String]) throws -> String {
    let workshop = try Workshop()
    return expectSuccess(try workshop.denju(["help"] + verb)).output
  }

  /// The verbs that a command's help lists as its own.
  private static func subcommands(_ verb: [String]) throws -> [String] {
    let lines = try help(verb).split(separator: "\n")
    guard let start = lines.firstIndex(of: "SUBCOMMANDS:") else { return [] }
    return lines[(start + 1)...].compactMap { line in
      line.firstMatch(of: #/^  ([a-z]+(?:-[a-z]+)*) /#).map { String($0.1) }
    }.filter { $0 != "See" }
  }

  @Test func `every command that help lists has a row, and every row a command`() throws {
    var listed: Set<[String]> = []
    for verb in try Self.subcommands([]) {
      let own = try Self.subcommands([verb])
      listed.formUnion(own.isEmpty ? [[verb]] : own.map { [verb, $0] })
    }
    #expect(listed.count > 15)
    #expect(Set(try Self.rows().map(\.verb)) == listed)
  }

  @Test func `the flags of a row are the command's`() throws {
    let rows = try Self.rows()
    #expect(rows.contains { !$0.flags.isEmpty })
    for row in rows {
      let help = try Self.help(row.verb)
      for flag in row.flags {
        #expect(help.contains("\n  --\(flag) "), "\(row.verb.joined(separator: " ")) --\(flag)")
      }
    }
  }
}
