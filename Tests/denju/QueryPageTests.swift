import Foundation
import TestSupport
import Testing

/// `Schemas/queries.md`: every query runs in the stock shell, and gives the columns that the page shows.
@Suite struct QueryPageTests {
  private struct Query {
    let sql: String
    /// Of all its tables, in the order shown.
    let columns: [String]
  }

  private static func queries() throws -> [Query] {
    let page = try Checkout.text("Schemas/queries.md")
    var queries: [Query] = []
    var (sql, output, block) = ("", "", "")
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      switch (line, block) {
      case ("```sql", ""), ("```text", ""): block = String(line.dropFirst(3))
      case ("```", "sql"): block = ""
      case ("```", "text"):
        queries.append(Query(sql: sql, columns: columns(output)))
        (sql, output, block) = ("", "", "")
      case (_, "sql"): sql += line + "\n"
      case (_, "text"): output += line + "\n"
      default: break
      }
    }
    return queries
  }

  /// The names in a box's second line.
  private static func columns(_ boxes: String) -> [String] {
    let lines = boxes.split(separator: "\n")
    return lines.indices.filter { lines[$0].hasPrefix("┌") && $0 + 1 < lines.endIndex }.flatMap {
      lines[$0 + 1].split(separator: "│").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  @Test(.enabled(if: CacheCommandTests.hasShell, "needs /usr/bin/sqlite3"))
  func `every query runs and gives its columns`() throws {
    let workshop = try CacheCommandTests.prepared()
    expectSuccess(try workshop.denju(workshop.training("run")))
    for prompt in [Workshop.newPrompt, Workshop.cachedPrompt] {
      expectSuccess(try workshop.denju("generate", "--run", "run", "--store", prompt))
    }
    let queries = try Self.queries()
    #expect(queries.count >= 10)
    for query in queries {
      let shell = try RunningProgram(
        "/usr/bin/sqlite3", ["-box", workshop.cache, query.sql], in: workshop.folder
      ).wait()
      #expect(
        shell.status == 0 && shell.errors.isEmpty, Comment(rawValue: query.sql + shell.errors))
      // A query without rows prints no box.
      let found = Self.columns(shell.output)
      #expect(found.allSatisfy(query.columns.contains), Comment(rawValue: query.sql + shell.output))
    }
    let hits = try RunningProgram(
      "/usr/bin/sqlite3", [workshop.cache, "select hits, misses from cache_lookups"],
      in: workshop.folder
    ).wait()
    #expect(hits.output == "1|1\n")
  }
}
