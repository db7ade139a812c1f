import ArgumentParser
import FeatureCache
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// The source's hidden states of one text, as a file for other programs.
struct States: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the source's hidden states of a text to a safetensors file.",
    discussion: """
      The text goes in as it is, without a template. The file has the tensors hidden_states \
      [tokens, width] in float32 and input_ids [tokens].
      """)

  @Option(help: "The knowledge source: a Hugging Face folder or a GGUF file.")
  var source: String

  @Option(
    parsing: .unconditional,
    help: "0 (embedding) to N (after the final norm), or from the end: -1 is N.")
  var layer = -1

  @Option(help: "What the source computes in: float32 or int8.")
  var precision = Precision.float32

  @Option(help: "The file to write.")
  var out: String

  @Flag(help: "Let special tokens spelled in the text be those tokens.")
  var special = false

  @Argument(help: "The text; - reads it from standard input.")
  var text: [String]

  func validate() throws {
    guard !FeatureCache.isCache(out) else {
      throw ValidationError("--out \(out) is a feature cache, whose place no file takes")
    }
  }

  func run() throws {
    let folder = try ModelFolder.open(source)
    let ids = try Tokenizer.load(folder).encode(try TextArgument.read(text), special: special)
    guard !ids.isEmpty else { throw ValidationError("the text is empty") }
    let model = try Sources.open(folder, precision: precision)
    let layer = try model.layer(layer)
    let states = FloatBuffer(count: ids.count * model.width)
    try model.states(ids, layer: layer, into: states.base)
    let values = UnsafeBufferPointer(start: states.base, count: states.count)
    try ids.map(Int64.init).withUnsafeBufferPointer { wide in
      let tensors: [SafetensorsWriter.Tensor] = [
        ("hidden_states", [ids.count, model.width], .float32(values)),
        ("input_ids", [ids.count], .int64(wide)),
      ]
      try SafetensorsWriter.write(
        path: out, tensors: tensors, metadata: ["layer": "\(layer)", "source": source])
    }
    Terminal.message("\(out): \(ids.count) tokens, width \(model.width), layer \(layer)")
  }
}
