import Foundation
import ModelFiles
import TestSupport

/// Writes a GGUF file of metadata alone, and reads it back as a `GGUFFile`.
struct GGUFMetadata {
  private var pairs: [UInt8] = []
  private var count: UInt64 = 0

  mutating func set(_ key: String, _ value: String) {
    begin(key, type: 8)
    string(Array(value.utf8))
  }

  mutating func set(_ key: String, _ value: Bool) {
    begin(key, type: 7)
    pairs.append(value ? 1 : 0)
  }

  mutating func set(_ key: String, _ value: UInt32) {
    begin(key, type: 4)
    integer(value)
  }

  mutating func set(_ key: String, _ values: [[UInt8]]) {
    begin(key, type: 9)
    integer(UInt32(8))
    integer(UInt64(values.count))
    for value in values { string(value) }
  }

  mutating func set(_ key: String, _ values: [Float]) {
    begin(key, type: 9)
    integer(UInt32(6))
    integer(UInt64(values.count))
    for value in values { integer(value.bitPattern) }
  }

  mutating func set(_ key: String, _ values: [Int32]) {
    begin(key, type: 9)
    integer(UInt32(5))
    integer(UInt64(values.count))
    for value in values { integer(value) }
  }

  /// The file, mapped; its path is deleted at once.
  func file() throws -> GGUFFile {
    var bytes = Array("GGUF".utf8)
    for value in [UInt64(3), 0, count] {
      // The version is 32 bits wide, the counts 64.
      withUnsafeBytes(of: value.littleEndian) { bytes += $0.prefix(bytes.count == 4 ? 4 : 8) }
    }
    return try TemporaryFolder.with {
      try GGUFFile(path: $0.write("metadata.gguf", bytes + pairs))
    }
  }

  private mutating func begin(_ key: String, type: UInt32) {
    count += 1
    string(Array(key.utf8))
    integer(type)
  }

  private mutating func string(_ bytes: [UInt8]) {
    integer(UInt64(bytes.count))
    pairs += bytes
  }

  private mutating func integer(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { pairs += $0 }
  }
}

extension GGUFMetadata {
  /// The tokenizer of a `tokenizer.json` as a converter writes it.
  init(tokenizerJSON bytes: [UInt8], pre: String, end: String) throws {
    self.init()
    guard case .object(let root) = try JSONValue(parsing: bytes, file: "tokenizer.json"),
      case .object(let model)? = root["model"], case .object(let vocab)? = model["vocab"],
      case .array(let merges)? = model["merges"], case .array(let added)? = root["added_tokens"]
    else { throw CocoaError(.coderReadCorrupt) }
    var spellings: [Int64: (spelling: [UInt8], type: Int32)] = [:]
    for (token, value) in vocab.members {
      if case .integer(let id) = value { spellings[id] = (Array(token.utf8), 1) }
    }
    for case .object(let token) in added {
      guard case .integer(let id)? = token["id"], case .string(let content)? = token["content"],
        case .bool(let special)? = token["special"]
      else { continue }
      spellings[id] = (Array(content.utf8), special ? 3 : 4)
      if Array(content.utf8) == Array(end.utf8) {
        set("tokenizer.ggml.eos_token_id", UInt32(truncatingIfNeeded: id))
      }
    }
    let ordered = spellings.sorted { $0.key < $1.key }.map(\.value)
    set("tokenizer.ggml.model", "gpt2")
    set("tokenizer.ggml.pre", pre)
    set("tokenizer.ggml.tokens", ordered.map(\.spelling))
    set("tokenizer.ggml.token_type", ordered.map(\.type))
    set(
      "tokenizer.ggml.merges",
      merges.map { merge in
        switch merge {
        case .string(let text): Array(text.utf8)
        case .array(let pair):
          Array(
            pair.map { if case .string(let text) = $0 { text } else { "" } }
              .joined(separator: " ").utf8)
        default: []
        }
      })
  }
}
