import Testing

/// Rules that every file of the sources keeps.
@Suite struct HouseRuleTests {
  let tree: SourceTree

  init() throws {
    tree = try SourceTree.current()
  }

  @Test func `the sources are found`() {
    // Without files, every other rule here would hold.
    #expect(tree.modules.values.joined().count > 20)
  }

  @Test func `no file is longer than 500 lines`() {
    for file in tree.modules.values.joined() where file.lines.count > 501 {
      Issue.record("\(file.path) has \(file.lines.count - 1) lines: look for the seam")
    }
  }

  /// Input must not be able to end the program: what can go wrong is an error with a line of its own.
  @Test(arguments: ["fatalError(", "try!", "as!"])
  func `no trap that input could reach`(trap: String) {
    for file in tree.modules.values.joined() where file.isSwift {
      for (index, line) in file.lines.enumerated() {
        let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        if code.contains(trap) {
          Issue.record("\(file.path):\(index + 1): \(trap)")
        }
      }
    }
  }
}
