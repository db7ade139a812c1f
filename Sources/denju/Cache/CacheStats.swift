import ArgumentParser
import FeatureCache

struct CacheStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show one of the cache's views.",
    discussion: "The same as `sqlite3 CACHE 'select * from cache_summary'`.")

  @Argument(help: "The cache.") var cache: String
  @Option(
    help: ArgumentHelp(
      CacheView.allCases.map { String($0.rawValue.dropFirst(CacheView.prefix.count)) }
        .joined(separator: ", ") + "."))
  var view = "summary"
  @Flag(help: "Print a line of JSON a row.") var json = false

  func run() throws {
    guard let view = CacheView(rawValue: CacheView.prefix + view) else {
      let known = CacheView.allCases.map { $0.rawValue.dropFirst(CacheView.prefix.count) }
      throw ValidationError("there is no view \"\(view)\": \(known.joined(separator: ", "))")
    }
    let cache = try FeatureCache.open(cache, stream: .first)
    defer { try? cache.close() }
    let table = try cache.table(view)
    if json {
      for row in table.rows {
        try Terminal.json(Dictionary(uniqueKeysWithValues: zip(table.columns, row)))
      }
      return
    }
    var text = TextTable(table.columns)
    for row in table.rows { text.add(row.map { $0 ?? "" }) }
    Terminal.result(text.text)
  }
}
