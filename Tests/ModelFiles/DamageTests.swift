import Architectures
import Foundation
import ModelFiles
import TestSupport
import Testing

/// Damaged files may be refused or, where the damage hits values, be read; they never trap.
@Suite("Damaged files")
struct DamageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Opens a file, reads every tensor, and asks for all that can be asked.
  private func useAll(_ path: String) {
    guard let catalogue = try? TensorCatalogue.open(path) else { return }
    for entry in catalogue.entries {
      _ = try? catalogue.floats(entry.name)
      _ = try? catalogue.integers(entry.name)
    }
    _ = catalogue.sha256()
    if path.hasSuffix(".gguf") { _ = try? ModelFolder.open(path).architecture() }
  }

  private func expectRefusal(_ path: String, _ count: Int) {
    do {
      _ = try TensorCatalogue.open(path)
      Issue.record("\(path) cut to \(count) bytes was accepted")
    } catch {
      #expect(!error.description.contains("\n"))
    }
  }

  @Test("safetensors cut short at every byte")
  func truncatedSafetensors() throws {
    let bytes = rawSafetensors(
      #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
        + #""b":{"dtype":"BF16","shape":[5],"data_offsets":[24,34]}}  "#,
      data: (0..<34).map { UInt8($0) })
    #expect(try TensorCatalogue.open(folder.write("good.safetensors", bytes)).names == ["a", "b"])
    for count in 0..<bytes.count {
      expectRefusal(try folder.write("cut.safetensors", Array(bytes[..<count])), count)
    }
  }

  @Test("GGUF cut short at every byte of its header and some of its data")
  func truncatedGGUF() throws {
    for name in ["llama.gguf", "quantised.gguf"] {
      let bytes = try Vectors.bytes(name)
      // Up to 31 bytes of padding follow the last tensor, and no reader needs them.
      let lengths = Array(0..<4_000) + stride(from: 4_000, to: bytes.count - 31, by: 311)
      for count in lengths where count < bytes.count - 31 {
        expectRefusal(try folder.write("cut.gguf", Array(bytes[..<count])), count)
      }
    }
  }

  @Test("flipped bytes", arguments: [("llama.gguf", 2_200), ("quantised.gguf", 1_200)])
  func flippedGGUF(name: String, headerSize: Int) throws {
    let bytes = try Vectors.bytes(name)
    var generator = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
    for _ in 0..<1_500 {
      var damaged = bytes
      for _ in 0...Int.random(in: 0..<4, using: &generator) {
        let place = Int.random(in: 0..<headerSize, using: &generator)
        damaged[place] = UInt8.random(in: .min ... .max, using: &generator)
      }
      useAll(try folder.write("flipped.gguf", damaged))
    }
  }

  @Test("flipped bytes of safetensors and of an index")
  func flippedSafetensors() throws {
    let bytes = rawSafetensors(
      #"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
        + #""b":{"dtype":"I64","shape":[1],"data_offsets":[24,32]}}"#,
      data: (0..<32).map { UInt8($0) })
    let index = Array(#"{"weight_map":{"a":"x.safetensors","b":"x.safetensors"}}"#.utf8)
    try folder.write("x.safetensors", bytes)
    var generator = Xorshift(state: 88_172_645_463_325_252)
    for _ in 0..<3_000 {
      var (damaged, damagedIndex) = (bytes, index)
      for _ in 0...Int.random(in: 0..<3, using: &generator) {
        let value = UInt8.random(in: .min ... .max, using: &generator)
        damaged[Int.random(in: damaged.indices, using: &generator)] = value
        damagedIndex[Int.random(in: index.indices, using: &generator)] = value
      }
      useAll(try folder.write("flipped.safetensors", damaged))
      useAll(try folder.write("flipped.safetensors.index.json", damagedIndex))
    }
  }

  @Test("flipped bytes of a configuration")
  func flippedConfiguration() throws {
    let config = Array(
      try JSONSerialization.data(withJSONObject: TinyFamily.llama.configuration(.small)))
    var generator = Xorshift(state: 7)
    for _ in 0..<3_000 {
      var damaged = config
      for _ in 0...Int.random(in: 0..<3, using: &generator) {
        let value = UInt8.random(in: 0x20...0x7E, using: &generator)
        damaged[Int.random(in: config.indices, using: &generator)] = value
      }
      let path = try folder.write("config.json", damaged)
      _ = try? ArchitectureRegistry.builtIn.configuration(ConfigurationReader(path: path))
    }
  }
}

/// A small seeded generator, so that a failure comes back.
private struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
