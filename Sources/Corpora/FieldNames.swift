/// Names of the fields of a row that is in none of the usual forms.
public struct FieldNames: Equatable, Sendable {
  public var prompt: String
  public var response: String

  public init(prompt: String, response: String) {
    self.prompt = prompt
    self.response = response
  }

  /// From "prompt=instruction,response=output", in either order, both needed.
  public init(parsing text: String) throws(CorpusError) {
    var names: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard pair.count == 2, ["prompt", "response"].contains(pair[0]), !pair[1].isEmpty,
        names[pair[0]] == nil
      else {
        throw .badOption("`\(text)` doesn't name fields as prompt=NAME,response=NAME does")
      }
      names[pair[0]] = pair[1]
    }
    guard let prompt = names["prompt"], let response = names["response"] else {
      throw .badOption("`\(text)` doesn't name fields as prompt=NAME,response=NAME does")
    }
    self.init(prompt: prompt, response: response)
  }
}
