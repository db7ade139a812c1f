import ModelFiles
import Testing

/// Expects `body` to throw a `ModelFileError` of one line that holds every one of `words`.
package func expectError<Value>(
  _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Value
) {
  do {
    _ = try body()
    Issue.record("no error, expected one with \(words)", sourceLocation: sourceLocation)
  } catch let error as ModelFileError {
    let line = error.description
    #expect(!line.contains("\n"), sourceLocation: sourceLocation)
    for word in words {
      #expect(line.contains(word), "\(line)", sourceLocation: sourceLocation)
    }
  } catch {
    Issue.record("\(error) is no ModelFileError", sourceLocation: sourceLocation)
  }
}
