import Generation
import Testing

@Suite struct SamplerTests {
  private func draws(
    _ logits: [Float], _ options: SamplingOptions, count: Int = 1
  ) -> [Int32] {
    var sampler = Sampler(options)
    return (0..<count).map { _ in logits.withUnsafeBufferPointer { sampler.next($0) } }
  }

  @Test func `temperature 0 takes the likeliest token, the smaller id of equals`() {
    #expect(draws([1, 3, 2], SamplingOptions()) == [1])
    #expect(draws([3, 1, 3], SamplingOptions()) == [0])
    #expect(draws([-.infinity, -5, -4], SamplingOptions()) == [2])
  }

  @Test func `equal seeds draw alike, others do not`() {
    let logits = (0..<40).map { Float($0 % 7) * 0.1 }
    let drawn = (0..<3).map { seed in
      draws(logits, SamplingOptions(temperature: 1, seed: seed), count: 60)
    }
    #expect(drawn[0] == draws(logits, SamplingOptions(temperature: 1, seed: 0), count: 60))
    #expect(drawn[0] != drawn[1] && drawn[1] != drawn[2])
  }

  @Test func `top-k leaves the likeliest k`() {
    let options = SamplingOptions(temperature: 5, topK: 2, seed: 1)
    #expect(Set(draws([0, 1, 2, 3], options, count: 200)) == [2, 3])
    #expect(
      draws([0, 1, 2, 3], SamplingOptions(temperature: 5, topK: 1), count: 20).allSatisfy {
        $0 == 3
      })
  }

  @Test func `top-p leaves the fewest tokens that reach it`() {
    // Probabilities 0.5, 0.3, 0.2.
    let logits: [Float] = [-0.693147, -1.203973, -1.609438]
    func seen(_ topP: Float) -> Set<Int32> {
      Set(draws(logits, SamplingOptions(temperature: 1, topP: topP, seed: 2), count: 300))
    }
    #expect(seen(0.1) == [0])
    #expect(seen(0.7) == [0, 1])
    #expect(seen(1) == [0, 1, 2])
  }

  @Test func `draws follow the probabilities`() {
    let logits: [Float] = [-0.693147, -1.203973, -1.609438]
    let count = 20_000
    let drawn = draws(logits, SamplingOptions(temperature: 1, seed: 3), count: count)
    for (token, share) in [(Int32(0), 0.5), (1, 0.3), (2, 0.2)] {
      let found = Double(drawn.filter { $0 == token }.count) / Double(count)
      // Five standard errors of a share of 0.5.
      #expect(abs(found - share) < 5 * 0.5 / Double(count).squareRoot())
    }
  }

  @Test func `the repetition penalty acts on tokens that were generated, whatever their sign`() {
    #expect(draws([2, 1.5, 0], SamplingOptions(repetitionPenalty: 1.5), count: 3) == [0, 1, 0])
    #expect(draws([-1, -1.2, -9], SamplingOptions(repetitionPenalty: 1.5), count: 2) == [0, 1])
  }

  @Test(arguments: [
    SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan), SamplingOptions(topK: -1),
    SamplingOptions(topP: 0), SamplingOptions(topP: 1.5), SamplingOptions(repetitionPenalty: 0),
    SamplingOptions(maxTokens: 0), SamplingOptions(stop: [""]),
  ])
  func `options out of their ranges are refused`(options: SamplingOptions) {
    #expect(throws: GenerationError.self) { try options.validate() }
  }
}
