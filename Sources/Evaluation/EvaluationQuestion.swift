import Crypto
import FeatureCache
import Foundation
import Runs

/// The hash of what is evaluated, part by part, each with its length before it, so that no two questions are
/// written alike.
struct EvaluationQuestion {
  private var sha = SHA256()

  mutating func add(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    add(bytes: try encoder.encode(value))
  }

  mutating func add(_ document: CacheDocument) {
    add(bytes: Data(document.prompt))
    add(bytes: Data(document.response))
    for ids in [document.promptIDs, document.responseIDs] {
      add(bytes: ids.withUnsafeBytes { Data($0) })
    }
  }

  mutating func add(_ id: Int32) {
    withUnsafeBytes(of: id.littleEndian) { sha.update(bufferPointer: $0) }
  }

  /// What a run is, and every byte of its best checkpoint's description and weights.
  mutating func add(_ run: RunFolder) throws {
    let best = run.best as NSString
    for path in [
      run.file("run.json"), best.appendingPathComponent("config.json"),
      best.appendingPathComponent("model.safetensors"),
    ] {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }
      add(length: Int(try file.seekToEnd()))
      try file.seek(toOffset: 0)
      while let part = try file.read(upToCount: 1 << 22), !part.isEmpty { sha.update(data: part) }
    }
  }

  consuming func hash() -> String {
    sha.finalize().map { String(format: "%02x", $0) }.joined()
  }

  private mutating func add(bytes: Data) {
    add(length: bytes.count)
    sha.update(data: bytes)
  }

  private mutating func add(length: Int) {
    withUnsafeBytes(of: UInt64(length).littleEndian) { sha.update(bufferPointer: $0) }
  }
}
