import Pipeline

/// The JSON Schema of pipeline files, made from the options' declarations.
enum PipelineSchema {
  static var text: String {
    let stages = PipelineFile.Stage.allCases
    let properties = stages.map { stage in
      #"    "\#(stage)": { "oneOf": [\#(reference(stage)), \#(list(reference(stage)))] }"#
    }
    return """
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "pipeline.schema.json",
        "title": "A Denju pipeline",
        "description": "A pipeline file, as `denju run FILE.yaml` takes it: the stages to run, in the file's order. A key of a section is the long name of a flag of that stage's command, and its value what one would type after the flag; `true` is a flag that has no value. A list of sections runs the stage once for each. YAML's anchors and merge keys (`<<`) work. Paths start at the working folder. Made from the options' declarations in Sources/Pipeline.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "name": { "description": "What the pipeline is called in what is printed; the file's name otherwise.", "type": "string", "minLength": 1 },
          "seed": { "description": "The `seed` of every stage that does not say its own.", "type": "integer", "minimum": 0, "maximum": \(UInt64.max) },
      \(properties.joined(separator: ",\n"))
        },
        "anyOf": [\(stages.map { #"{ "required": ["\#($0)"] }"# }.joined(separator: ", "))],
        "$defs": {
      \(stages.map { section($0.request) }.joined(separator: ",\n"))
        }
      }

      """
  }

  private static func reference(_ stage: PipelineFile.Stage) -> String {
    ##"{ "$ref": "#/$defs/\##(stage)" }"##
  }

  private static func list(_ items: String) -> String {
    #"{ "type": "array", "items": \#(items), "minItems": 1 }"#
  }

  /// A stage's section: its command's options as keys.
  private static func section<Request: StageRequest>(_ request: Request.Type) -> String {
    let required = Request.declarations.filter(\.isRequiredInFile).map { quoted($0.name) }
    let keys = Request.declarations.map { declaration in
      "        \(quoted(declaration.name)): \(entry(declaration, declaration.field))"
    }
    // The one thing that a section's keys say about each other.
    let corpora = """

            "oneOf": [
              { "required": ["corpus"], "not": { "anyOf": [{ "required": ["validation"] }, { "required": ["test"] }] } },
              { "required": ["train"], "not": { "anyOf": [{ "required": ["validation-share"] }, { "required": ["test-share"] }] } }
            ],
      """
    return """
          "\(Request.stage)": {
            "description": "What `denju \(Request.stage)` takes.",
            "type": "object",
            "additionalProperties": false,
            "required": [\(required.joined(separator: ", "))],\(Request.stage == .precompute ? corpora : "")
            "properties": {
      \(keys.joined(separator: ",\n"))
            }
          }
      """
  }

  private static func entry<Options: DeclaredOptions, Field: DeclaredField<Options>>(
    _ declaration: OptionDeclaration<Options>, _ field: Field
  ) -> String {
    var members = [#""description": \#(quoted(declaration.help))"#]
    let one = value(declaration.allowed, Field.Value.self)
    switch field.typed {
    case .list:
      let object = "{ \(one.joined(separator: ", ")) }"
      members.append(#""oneOf": [\#(object), \#(list(object))]"#)
    case .standard(let place):
      let text = place.read(Options()).optionText
      members += one
      // The seed's default is the file's.
      if declaration.name != "seed" {
        members.append(#""default": \#(Field.Value.schemaType == "string" ? quoted(text) : text)"#)
      }
    case .flag: members += one + [#""default": false"#]
    case .required, .optional: members += one
    }
    return "{ \(members.joined(separator: ", ")) }"
  }

  /// The members that say which values there are.
  private static func value<Value: OptionValue>(
    _ allowed: AllowedValues, _ type: Value.Type
  ) -> [String] {
    let typed = #""type": "\#(Value.schemaType)""#
    switch allowed {
    case .all where !Value.optionWords.isEmpty: return words(Value.optionWords)
    case .all where Value.self == UInt64.self:
      return [typed, #""minimum": 0"#, #""maximum": \#(UInt64.max)"#]
    case .all: return [typed]
    case .integers(let least, let most):
      return [typed, #""minimum": \#(least)"#] + (most.map { [#""maximum": \#($0)"#] } ?? [])
    case .numbers(let least, let most):
      return [typed] + bound(least, "Minimum") + bound(most, "Maximum")
    case .text: return [typed, #""minLength": 1"#]
    case .words(let listed): return words(listed)
    case .pattern(let pattern): return [typed, #""pattern": \#(quoted(pattern))"#]
    }
  }

  private static func words(_ words: [String]) -> [String] {
    [#""enum": [\#(words.map(quoted).joined(separator: ", "))]"#]
  }

  private static func bound(_ bound: NumberBound?, _ side: String) -> [String] {
    switch bound {
    case .including(let value): [#""\#(side.lowercased())": \#(Int(value))"#]
    case .excluding(let value): [#""exclusive\#(side)": \#(Int(value))"#]
    case nil: []
    }
  }

  private static func quoted(_ text: String) -> String {
    #""\#(text.replacing(#"\"#, with: #"\\"#).replacing(#"""#, with: #"\""#))""#
  }
}
