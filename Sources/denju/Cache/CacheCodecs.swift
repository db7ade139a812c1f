import Architectures
import ArgumentParser
import Corpora
import FeatureCache
import Foundation
import Generation
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Precompute
import Tokenization

struct CacheCodecs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "codecs",
    abstract: "Measure what every codec takes in bytes, and what it costs in loss.",
    discussion: """
      A document is "Question: PROMPT\\nAnswer: RESPONSE". Its states go through each codec, and the source \
      goes on from what is decoded; the loss added to its own is paired, its error over documents. With --run, \
      a trained generator also answers the test prompts of its cache from decoded states: which answers are \
      those from undecoded ones?
      """)

  @Option(help: "The source: a Hugging Face folder or a GGUF file.") var source: String
  @Option(help: "The documents.") var corpus: String
  @Option(
    parsing: .unconditional,
    help: "Whose states: 0 (embedding) to N (the last layer), or from the end: -1 is N.")
  var layer = -1
  @Option(help: "Tokens to predict, at least; the last document is whole.") var tokens = 50_000
  @Option(
    help:
      "Codecs to compare, separated by commas, as int8,transform:0.005; all that need no fit otherwise."
  ) var codec: String?
  @Option(
    help: "Documents to fit on; otherwise half of --corpus, which is left out of the comparison.")
  var fit: String?
  @Option(
    name: .customLong("run"),
    help:
      "A run of prompt conditioning, trained on this layer's states: it answers its test set too."
  ) var runFolder: String?
  @Option(help: "Most tokens of an answer.") var maxNewTokens = 32
  @Option(help: "A row that can't be used: fail, or skip it.") var badRows = BadRowPolicy.fail
  @Option(help: "A folder for codecs.csv and codecs.svg.") var out: String?
  @Flag(help: "Print the result as a line of JSON.") var json = false

  func validate() throws {
    guard tokens > 0 else { throw ValidationError("--tokens has to be more than nothing") }
    guard maxNewTokens > 0 else {
      throw ValidationError("--max-new-tokens has to be more than nothing")
    }
    let named = try Usage.require { try choices() }
    guard !named.isEmpty else { throw ValidationError("--codec names no codec") }
    guard named.contains(where: \.needsFit) || fit == nil else {
      throw ValidationError("--fit is for a codec that is fitted, as transform:0.005")
    }
  }

  private func choices() throws -> [CodecChoice] {
    try codec.map { names in
      try names.split { $0 == "," || $0 == " " }.map {
        try CodecRegistry.builtIn.choice(String($0))
      }
    }
      ?? CodecRegistry.builtIn.unfitted.map { UnfittedFamily($0).choice }
  }

  func run() throws {
    let choices = try choices()
    if let out {
      do {
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
      } catch {
        throw BenchError.unwritable(file: "\(out)/codecs.csv", folder: out)
      }
    }
    let folder = try ModelFolder.open(source)
    let tokenizer = try Tokenizer.load(folder)
    let most = try folder.architecture().maximumPositions
    var documents = try BenchText.documents(
      corpus, badRows, tokens: tokens, tokenizer: tokenizer, most: most)
    let answering = try runFolder.map {
      try TestAnswers(run: $0, cache: nil, source: self.source, maxNewTokens: maxNewTokens)
    }
    // A run's source computes as it did for the run's cache.
    let source = try answering?.generator.states.streams[0].decoderSource() ?? DecoderSource(folder)
    let layer = try source.layer(layer)
    if let answering, let folder = runFolder {
      let read = answering.generator.states.streams[0].identity
      guard read.layer == layer, read.normalized == (layer == source.layerCount) else {
        throw BenchError.otherLayer(run: folder, layer: read.layer, normalized: read.normalized)
      }
    }
    var sample = CalibrationSample()
    if choices.contains(where: \.needsFit) {
      let texts =
        try fit.map {
          try BenchText.documents(
            $0, badRows, tokens: CalibrationSample.enough, tokenizer: tokenizer, most: most)
        } ?? documents.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
      for ids in texts { sample.add(ids) }
      let used = Set(sample.fitted + sample.heldOut)
      documents.removeAll { used.contains($0) }
      guard !documents.isEmpty else {
        throw BenchError.noText(
          corpus: corpus, missing: "document that the codec was not fitted on")
      }
    }
    let codecs = try fitted(choices, source, layer, sample)
    let bar = ProgressBar("codecs", unit: "documents")
    var comparison = try CodecComparison(
      source, layer: layer, documents: documents, codecs: codecs
    ) { done in
      try Interruption.check()
      bar.update(done, of: documents.count)
    }
    if let answering {
      let answers = try unchanged(answering, codecs, source)
      for index in codecs.indices { comparison.arms[index].answers = answers[index] }
    }
    if let out {
      let folder = URL(fileURLWithPath: out)
      try Data(Self.csv(comparison).utf8).write(to: folder.appendingPathComponent("codecs.csv"))
      try Data(RateDistortionPicture(comparison).svg.utf8)
        .write(to: folder.appendingPathComponent("codecs.svg"))
    }
    if json { try Terminal.json(comparison) } else { Self.show(comparison) }
  }

  private func fitted(
    _ choices: [CodecChoice], _ source: DecoderSource, _ layer: Int, _ sample: CalibrationSample
  ) throws -> [any StateCodec] {
    let ground = FittingGround(
      source, layer: layer, normalized: layer == source.layerCount, sample: sample,
      check: Interruption.check)
    let codecs = try ground.codecs(choices)
    for codec in codecs {
      if let fit = codec.fitSummary { Terminal.message("\(codec.identity): \(fit.measurement)") }
    }
    return codecs
  }

  /// The share of each codec's answers that are those from undecoded states.
  private func unchanged(
    _ answering: TestAnswers, _ codecs: [any StateCodec], _ source: DecoderSource
  ) throws -> [CodecComparison.Answers] {
    let identity = answering.generator.states.streams[0].identity
    let bar = ProgressBar("answers", unit: "documents")
    var counts = [Int](repeating: 0, count: codecs.count)
    for (index, document) in answering.documents.enumerated() {
      try Interruption.check()
      bar.update(index + 1, of: answering.documents.count)
      let tokens = document.promptIDs.count
      var states = [Float](repeating: 0, count: tokens * identity.width)
      try source.states(
        document.promptIDs, layer: identity.layer, normalized: identity.normalized, into: &states)
      let exact = try answering.answer(document, states: states)
      for (place, codec) in codecs.enumerated() {
        var decoded = states
        try codec.roundTrip(&decoded, tokens: tokens, width: identity.width)
        if try answering.answer(document, states: decoded) == exact { counts[place] += 1 }
      }
    }
    return counts.map {
      CodecComparison.Answers(documents: answering.documents.count, unchanged: $0)
    }
  }

  private static let columns = [
    "codec", "bytes a token", "relative error", "worst token's", "added nats a token",
    "standard error", "encoded tokens/s a core", "decoded", "answers unchanged",
  ]

  private static func cells(_ arm: CodecComparison.Arm) -> [String] {
    [
      arm.codec, String(format: "%.1f", arm.bytesPerToken),
      String(format: "%.5f", arm.relativeError), String(format: "%.5f", arm.worstRelativeError),
      String(format: "%.5f", arm.added.mean),
      arm.added.standardError.map { String(format: "%.5f", $0) } ?? "",
      String(format: "%.0f", arm.encodedTokensPerSecond),
      String(format: "%.0f", arm.decodedTokensPerSecond),
      arm.answers.map { "\($0.unchanged) of \($0.documents)" } ?? "",
    ]
  }

  private static func csv(_ comparison: CodecComparison) -> String {
    ([columns] + comparison.arms.map(cells)).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private static func show(_ comparison: CodecComparison) {
    Terminal.result(
      "layer \(comparison.layer)\(comparison.normalized ? ", after the norm" : ""): "
        + "\(comparison.tokens) tokens of \(comparison.documents) documents, "
        + String(format: "%.5f nats a token", comparison.loss))
    // The answers' column is the last one.
    let shown = comparison.arms.contains { $0.answers != nil } ? columns.count : columns.count - 1
    var table = TextTable(Array(columns.prefix(shown)))
    for arm in comparison.arms { table.add(Array(cells(arm).prefix(shown))) }
    Terminal.result(table.text)
  }
}
