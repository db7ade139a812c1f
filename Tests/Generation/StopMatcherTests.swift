import Generation
import Testing

@Suite struct StopMatcherTests {
  /// All that is shown of a text given in pieces.
  private func shown(_ pieces: [String], _ stops: [String]) -> (text: String, stopped: Bool) {
    var matcher = StopMatcher(stops)
    var bytes: [UInt8] = []
    for piece in pieces { bytes += matcher.push(Array(piece.utf8)) }
    if !matcher.stopped { bytes += matcher.finish() }
    return (String(decoding: bytes, as: UTF8.self), matcher.stopped)
  }

  @Test func `ends before the first stop string, wherever it is cut`() {
    let text = "one END two"
    for cut in 0...text.count {
      let result = shown([String(text.prefix(cut)), String(text.dropFirst(cut))], ["END"])
      #expect(result.text == "one " && result.stopped)
    }
    #expect(shown(text.map { String($0) }, ["END"]).text == "one ")
  }

  @Test func `what only begins like a stop string is shown in the end`() {
    let result = shown(["one EN", "D", "LESS"], ["ENDING"])
    #expect(result.text == "one ENDLESS" && !result.stopped)
    #expect(shown(["one EN"], ["END"]).text == "one EN")
  }

  @Test func `no beginning of a stop string is shown early`() {
    var matcher = StopMatcher(["\n\n"])
    #expect(matcher.push(Array("a\n".utf8)) == Array("a".utf8))
    #expect(matcher.push(Array("b".utf8)) == Array("\nb".utf8))
    #expect(matcher.push(Array("\n\nc".utf8)).isEmpty)
    #expect(matcher.stopped)
    #expect(matcher.push(Array("more".utf8)).isEmpty)
  }

  @Test func `the earliest of several ends it, and overlapping beginnings are kept apart`() {
    #expect(shown(["xaab", "c"], ["c", "b"]).text == "xaa")
    #expect(shown(["a", "a", "a", "b"], ["aab"]).text == "a")
    #expect(shown(["nothing"], []).text == "nothing")
  }
}
