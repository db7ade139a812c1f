import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenization

/// Files with bytes changed at random, or cut short: an error or a tokenizer, never a trap.
@Suite struct DamageTests {
  private func damaged(_ bytes: [UInt8], _ source: inout RandomText) -> [UInt8] {
    var bytes = bytes
    for _ in 0...source.below(3) {
      switch source.below(4) {
      case 0: bytes = Array(bytes.prefix(source.below(bytes.count + 1)))
      case 1: bytes.insert(UInt8(source.below(256)), at: source.below(bytes.count + 1))
      default:
        // Digits and brackets do more harm than noise does.
        let harm = Array("0123456789-\"[]{},:ntf\\ ".utf8)
        if !bytes.isEmpty { bytes[source.below(bytes.count)] = harm[source.below(harm.count)] }
      }
    }
    return bytes
  }

  /// Makes a tokenizer 600 times and uses those that come of it.
  private func check(
    _ name: String, make: ([UInt8]) throws -> Tokenizer, of original: [UInt8]
  ) throws {
    var source = RandomText(seed: 9)
    var refused = 0
    for _ in 0..<600 {
      do {
        let tokenizer = try make(damaged(original, &source))
        let ids = tokenizer.encode(source.next(), special: true)
        _ = tokenizer.decode(ids)
        _ = try Tokenizer(serialized: tokenizer.serialized())
      } catch {
        refused += 1
        #expect(!"\(error)".contains("\n"), "\(error)")
      }
    }
    #expect(refused > 100, "\(name): damage is noticed")
  }

  @Test(arguments: ["tiny-flags", "spm-llama", "spm-gemma", "spm-unknown", "spm-roberta"])
  func tokenizerJSON(file: String) throws {
    try check(
      file, make: { try Tokenizer(json: $0) }, of: TestVectors.bytes("\(file).json"))
  }

  @Test(arguments: ["llama", "gemma", "unknown", "roberta"])
  func serializedSentencePiece(form: String) throws {
    try check(
      form, make: { try Tokenizer(serialized: $0) },
      of: SentencePieceVectorTests.json(form).serialized())
  }

  @Test func serialized() throws {
    let tokenizer = try Tokenizer(
      json: TestVectors.bytes("tiny-smollm.json"),
      chatTemplate: TestVectors.bytes("templates/smollm2.jinja"))
    try check("serialized", make: { try Tokenizer(serialized: $0) }, of: tokenizer.serialized())
  }

  @Test(arguments: ["tiny-qwen2", "spm-llama", "spm-roberta", "spm-plain"])
  func gguf(file: String) throws {
    let folder = try TemporaryFolder()
    try check(
      file,
      make: { try Tokenizer(gguf: GGUFFile(path: folder.write("damaged.gguf", $0))) },
      of: TestVectors.bytes("\(file).gguf"))
  }

  @Test func chatTemplate() throws {
    let json = try TestVectors.bytes("tiny-gpt2.json")
    var source = RandomText(seed: 4)
    let jinja = try TestVectors.bytes("templates/qwen2.5-instruct.jinja")
    for _ in 0..<100 {
      let tokenizer = try Tokenizer(json: json, chatTemplate: damaged(jinja, &source))
      _ = tokenizer.chatTemplate?.name
    }
  }
}
