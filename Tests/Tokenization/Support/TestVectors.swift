import Foundation
import TestSupport
import Testing

/// Files beside the tests and beside the checkout.
enum TestVectors {
  /// The path of a committed vector.
  static func path(_ name: String) -> String { Checkout.tokenizerVector(name) }

  static func bytes(_ name: String) throws -> [UInt8] { try contents(path(name)) }

  static func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  static func decode<Value: Decodable>(_ name: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(bytes(name)))
  }

  static var hasTokenizers: Bool {
    ["gpt2", "qwen2", "smollm2"].allSatisfy {
      Checkout.exists("\(Checkout.tokenizers)/\($0)/tokenizer.json")
    }
  }

  static var hasVocabularies: Bool {
    ["llama-bpe", "llama-spm", "phi-3"].allSatisfy {
      Checkout.exists("\(Checkout.tokenizers)/gguf/ggml-vocab-\($0).gguf")
    }
  }

  static var hasReference: Bool {
    Checkout.hasReference("smollm2-135m-instruct/prompts.json")
  }

  /// llama.cpp's texts and ids, in `name`.inp and `name`.out under `tokenizers`.
  static func llamaCpp(_ name: String) throws -> [(text: String, ids: [Int32])] {
    let path = "\(Checkout.tokenizers)/\(name)"
    let texts = String(decoding: try contents(path + ".inp"), as: UTF8.self)
      .components(separatedBy: "\n__ggml_vocab_test__\n").dropLast()
    let lines = String(decoding: try contents(path + ".out"), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return zip(texts, lines).map { text, line in
      (text, line.split(separator: " ").compactMap { Int32($0) })
    }
  }
}

/// Bytes written as hexadecimal digits.
func bytes(hexadecimal text: String) throws -> [UInt8] {
  let digits = Array(text.utf8)
  return try stride(from: 0, to: digits.count, by: 2).map { index in
    try #require(UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16))
  }
}

/// Bytes as text of a known encoding, for messages.
func shown(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }
