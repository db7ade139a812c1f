import Foundation
import Pipeline
import Testing

/// What the declarations say of options is what the schema says and what the stages do.
@Suite struct OptionDeclarationTests {
  @Test func `the schema of pipeline files is made from the declarations`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Schemas/pipeline.schema.json").standardizedFileURL
    if ProcessInfo.processInfo.environment["DENJU_WRITE_SCHEMAS"] != nil {
      try Data(PipelineSchema.text.utf8).write(to: file)
    }
    let stored = try Data(contentsOf: file)
    #expect(
      String(decoding: stored, as: UTF8.self) == PipelineSchema.text,
      "write it anew: DENJU_WRITE_SCHEMAS=1 Tests/run.sh --filter OptionDeclarationTests")
    let schema = try #require(try JSONSerialization.jsonObject(with: stored) as? [String: Any])
    let sections = try #require(schema["$defs"] as? [String: Any])
    #expect(Set(sections.keys) == Set(PipelineFile.Stage.allCases.map(\.rawValue)))
  }

  @Test(arguments: PipelineFile.Stage.allCases)
  func `no name is declared twice, and each reads as a flag`(stage: PipelineFile.Stage) {
    func names<Request: StageRequest>(_ request: Request.Type) -> [String] {
      Request.declarations.map(\.name)
    }
    let names = names(stage.request)
    #expect(names.count > 5)
    #expect(Set(names).count == names.count)
    for name in names { #expect(name.wholeMatch(of: #/[a-z]+(-[a-z]+)*/#) != nil, "\(name)") }
  }

  /// Each field's option sets that field alone: a copy of the options where one is set differs.
  @Test(arguments: PipelineFile.Stage.allCases)
  func `every option sets a field of its own`(stage: PipelineFile.Stage) throws {
    func dumps<Request: StageRequest>(_ request: Request.Type) throws -> [String] {
      try Request.declarations.map { declaration in
        var options = Request()
        try Self.set(declaration, declaration.field, nil, in: &options)
        return Self.dumped(options)
      } + [Self.dumped(Request())]
    }
    let dumps = try dumps(stage.request)
    #expect(Set(dumps).count == dumps.count)
  }

  /// The stages refuse what the schema does, and no more: asked at both sides of every bound.
  @Test(arguments: PipelineFile.Stage.allCases)
  func `bounds are those that the stage keeps`(stage: PipelineFile.Stage) throws {
    #expect(try Self.checkBounds(stage.request) == Self.boundCounts[stage])
  }

  /// How many sides of bounds each stage's options have, so that none goes unasked.
  private static let boundCounts: [PipelineFile.Stage: Int] = [
    .precompute: 4, .train: 46, .evaluate: 5, .generate: 8,
  ]

  /// Options whose bound is known when the source or the cache is open.
  private static let knownLater: Set<String> = ["max-tokens", "stream", "without-stream"]

  private static func checkBounds<Request: StageRequest>(_ request: Request.Type) throws -> Int {
    var asked = 0
    for declaration in Request.declarations where !knownLater.contains(declaration.name) {
      for side in sides(declaration.allowed) {
        asked += 1
        for (text, isAllowed) in [(side.inside, true), (side.outside, false)] {
          var options = Request()
          try prepare(&options)
          try set(declaration, declaration.field, text, in: &options)
          let isTaken = (try? options.checkRanges()) != nil
          #expect(isTaken == isAllowed, "\(Request.stage): \(declaration.name) \(text)")
        }
      }
    }
    return asked
  }

  /// Sets what the checks need besides the option in question.
  private static func prepare<Request: StageRequest>(_ options: inout Request) throws {
    let others: [String: [(String, String)]] = [
      "precompute": [("corpus", "c"), ("validation-share", "0"), ("test-share", "0")],
      "evaluate": [("run", "r")],
    ]
    for (name, text) in others[Request.stage.rawValue] ?? [] {
      let declaration = try #require(Request.declarations.first { $0.name == name })
      try set(declaration, declaration.field, text, in: &options)
    }
  }

  /// The last allowed and the first refused value at each of the bounds.
  private static func sides(_ allowed: AllowedValues) -> [(inside: String, outside: String)] {
    func side(_ bound: NumberBound?, _ outwards: Double) -> [(inside: String, outside: String)] {
      switch bound {
      case .including(let value): [("\(value)", "\(value + outwards / 1024)")]
      case .excluding(let value): [("\(value - outwards / 1024)", "\(value)")]
      case nil: []
      }
    }
    switch allowed {
    case .integers(let least, let most):
      return [("\(least)", "\(least - 1)")] + (most.map { [("\($0)", "\($0 + 1)")] } ?? [])
    case .numbers(let least, let most): return side(least, -1) + side(most, 1)
    case .all, .text, .words, .pattern: return []
    }
  }

  /// Sets an option to a text, or to some value that is not its default.
  private static func set<Options: DeclaredOptions, Field: DeclaredField<Options>>(
    _ declaration: OptionDeclaration<Options>, _ field: Field, _ text: String?,
    in options: inout Options
  ) throws {
    func value(not standard: Field.Value?) throws -> Field.Value {
      if let text { return try #require(Field.Value(optionText: text), "\(text)") }
      let candidates =
        Field.Value.optionWords + ["3", "7", "none", "bridge", "published", "some text"]
      return try #require(
        candidates.lazy.compactMap { Field.Value(optionText: $0) }
          .first { $0.optionText != standard?.optionText }, "\(declaration.name)")
    }
    switch field.typed {
    case .required(let place): place.write(&options, try value(not: nil))
    case .standard(let place): place.write(&options, try value(not: place.read(options)))
    case .optional(let place): place.write(&options, try value(not: nil))
    case .list(let place, _): place.write(&options, [try value(not: nil)])
    case .flag(let place, let set): place.write(&options, set)
    }
  }

  private static func dumped(_ options: some DeclaredOptions) -> String {
    var text = ""
    dump(options, to: &text)
    return text
  }
}
