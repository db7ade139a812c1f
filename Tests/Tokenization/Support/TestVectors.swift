import Foundation
import ModelFiles
import Testing

/// Files beside the tests and beside the checkout.
enum TestVectors {
  private static let folder =
    ((#filePath as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent

  /// The path of a committed vector.
  static func path(_ name: String) -> String { folder + "/Vectors/" + name }

  static func bytes(_ name: String) throws -> [UInt8] { try contents(path(name)) }

  static func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  static func decode<Value: Decodable>(_ name: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(bytes(name)))
  }

  /// Published tokenizers: `DENJU_TOKENIZERS`, or `../shared/tokenizers` beside the checkout.
  static let tokenizers =
    environment["DENJU_TOKENIZERS"] ?? folder + "/../../../shared/tokenizers"

  /// Reference data of models: `DENJU_REFERENCE`, or `../shared/reference` beside the checkout.
  static let reference = environment["DENJU_REFERENCE"] ?? folder + "/../../../shared/reference"

  /// SmolLM2-135M-Instruct.Q4_1.gguf, where `DENJU_SMOLLM2` says.
  static let smolLM2 = environment["DENJU_SMOLLM2"]

  /// The folder of all-MiniLM-L6-v2, where `DENJU_MINILM` says.
  static let miniLM = environment["DENJU_MINILM"].flatMap { folder in
    FileManager.default.fileExists(atPath: folder + "/tokenizer.json") ? folder : nil
  }

  static var hasTokenizers: Bool {
    ["gpt2", "qwen2", "smollm2"].allSatisfy {
      FileManager.default.fileExists(atPath: "\(tokenizers)/\($0)/tokenizer.json")
    }
  }

  static var hasReference: Bool {
    FileManager.default.fileExists(atPath: reference + "/smollm2-135m-instruct/prompts.json")
  }

  /// llama.cpp's texts and ids, in `name`.inp and `name`.out under `tokenizers`.
  static func llamaCpp(_ name: String) throws -> [(text: String, ids: [Int32])] {
    let path = "\(tokenizers)/\(name)"
    let texts = String(decoding: try contents(path + ".inp"), as: UTF8.self)
      .components(separatedBy: "\n__ggml_vocab_test__\n").dropLast()
    let lines = String(decoding: try contents(path + ".out"), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return zip(texts, lines).map { text, line in
      (text, line.split(separator: " ").compactMap { Int32($0) })
    }
  }

  private static let environment = ProcessInfo.processInfo.environment
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
