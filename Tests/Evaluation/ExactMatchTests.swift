import Evaluation
import Testing

@Suite struct ExactMatchTests {
  @Test func `white space around is dropped, within it counts`() {
    #expect(ExactMatch.matches(" France\n", "France"))
    #expect(ExactMatch.matches("\tNew Zealand", "New Zealand \r\n"))
    #expect(!ExactMatch.matches("New  Zealand", "New Zealand"))
    #expect(ExactMatch.matches(" \n", ""))
  }

  @Test func `the whole answer counts, byte by byte`() {
    #expect(!ExactMatch.matches("France.", "France"))
    #expect(!ExactMatch.matches("france", "France"))
    #expect(!ExactMatch.matches("France and Spain", "France"))
    // One character in two forms: equal as String, but not in bytes.
    #expect(!ExactMatch.matches("Re\u{301}union", "R\u{E9}union"))
  }
}
