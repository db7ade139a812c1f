import ArgumentParser
import FeatureCache
import Precompute

struct CacheImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Take in states that were computed elsewhere, from a safetensors file.",
    discussion: """
      A file that `cache export` wrote says itself whose states it has. One that another program made \
      needs NUMBER.states [tokens, width] and NUMBER.input_ids [tokens] for every document, and here \
      --source and --numerics, a name for who computed them: they are kept apart from this program's.
      """)

  @Argument(help: "The cache; made when it is not there.") var cache: String
  @Option(help: "The safetensors file.") var from: String
  @Option(help: "The model that computed the states, where the file doesn't say.")
  var source: String?
  @Option(help: "What computed them, as torch-2.13, where the file doesn't say.")
  var numerics: String?
  @Option(
    parsing: .unconditional,
    help: "Whose states: 0 (embedding) to N (the last layer), or from the end: -1 is N.")
  var layer = -1
  @Flag(help: "The last layer's states are those before the final norm.") var beforeNorm = false
  @Option(help: "A chat template by name, that the prompts were written with.")
  var template: String?
  @Option(help: "How to store them.") var codec = "float32"
  @Flag(help: "Where the cache has no such states, add them to it.") var beside = false

  func validate() throws {
    guard (source == nil) == (numerics == nil) else {
      throw ValidationError("--source and --numerics go together")
    }
    if numerics?.isEmpty ?? false { throw ValidationError("--numerics needs a name") }
    try Usage.require {
      guard !(try CodecRegistry.builtIn.choice(codec).needsFit) else {
        throw ValidationError(
          "--codec \(codec) is fitted on a source: precompute does that; import takes others")
      }
    }
  }

  func run() throws {
    var origin: StateImport.Origin?
    if let source, let numerics {
      var given = StateImport.Origin(source: source, numerics: numerics)
      given.layer = layer
      given.normalized = !beforeNorm
      given.template = template
      origin = given
    }
    let states = try StateImport(from, origin: origin, codec: codec)
    let bar = ProgressBar("import", unit: "documents")
    let report = try states.store(in: cache, beside: beside) { bar.update($0, of: $1) }
    Terminal.message(
      "\(from): \(report.stored) documents and \(report.records) records were new, "
        + "\(ProgressBar.bytes(report.bytes)) added")
  }
}
