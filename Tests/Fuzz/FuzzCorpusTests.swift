import Foundation
import TestSupport
import Testing

/// What fuzzing found worth keeping, and whole files for it to begin with: no parser crashes on any of it.
/// `Tests/Fuzz/run.sh` looks for more.
@Suite struct FuzzCorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func nothingCrashes(target: FuzzTarget) throws {
    let corpus = "Tests/Fuzz/corpus/\(target.rawValue)"
    let inputs = try FileManager.default.contentsOfDirectory(atPath: Checkout.path(corpus))
    #expect(!inputs.isEmpty)
    try TemporaryFolder.with { folder in
      for input in inputs {
        target.run(try Checkout.bytes("\(corpus)/\(input)"), in: folder.path)
      }
      target.run([], in: folder.path)
    }
  }
}
