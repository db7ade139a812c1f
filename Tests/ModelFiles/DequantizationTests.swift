import Foundation
import ModelFiles
import Numerics
import TestSupport
import Testing

@Suite("Dequantisation")
struct DequantizationTests {
  @Test(
    "equals the gguf package bit for bit",
    arguments: [
      "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
      "Q6_K",
    ])
  func vectors(type: String) throws {
    let quantised = try TensorCatalogue.open(Vectors.path("quantised.gguf"))
    let expected = try TensorCatalogue.open(Vectors.path("quantised.expected.safetensors"))
    #expect(quantised[type]?.elementType == ElementType(rawValue: type))
    let found = try quantised.floats(type, shape: [3, 256]).map(\.bitPattern)
    let right = try expected.floats(type, shape: [3, 256]).map(\.bitPattern)
    #expect(found == right)
  }

  @Test(
    "codes with scales and minimums are the same values",
    arguments: ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K"])
  func codes(type: String) throws {
    let catalogue = try TensorCatalogue.open(Vectors.path("quantised.gguf"))
    let values = try catalogue.floats(type, shape: [3, 256])
    let codes = try #require(try catalogue.groupedCodes(type, shape: [3, 256]))
    #expect(codes.codes.allSatisfy { Int($0) < 1 << codes.bits })
    for (index, value) in values.enumerated() {
      let scale = codes.scales[index / 32] * Float(Int32(codes.codes[index]) - codes.zero)
      // The reference rounds the product, then the sum; so does this.
      #expect(scale + (codes.minimums?[index / 32] ?? 0) == value)
    }
  }

  @Test("rows of a table are the table's", arguments: ["F16", "Q4_1", "Q6_K"])
  func rows(type: String) throws {
    let catalogue = try TensorCatalogue.open(Vectors.path("quantised.gguf"))
    let values = try catalogue.floats(type, shape: [3, 256])
    let table = try catalogue.storedRows(type, shape: [3, 256])
    for row in 0..<3 {
      let out = [Float](unsafeUninitializedCapacity: 256) { buffer, count in
        if let base = buffer.baseAddress { table.copyRow(row, to: base) }
        count = 256
      }
      #expect(out == Array(values[row * 256..<(row + 1) * 256]))
    }
  }

  @Test("every half-precision number widens exactly")
  func halves() throws {
    let folder = try TemporaryFolder()
    let patterns = Array(UInt16.min...UInt16.max)
    let path = try folder.write(
      "halves.safetensors",
      rawSafetensors(
        #"{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#,
        data: patterns.flatMap(GGUFBuilder.bytes)))
    let values = try TensorCatalogue.open(path).floats("h")
    for (pattern, value) in zip(patterns, values) {
      let expected = Float(Float16(bitPattern: pattern))
      #expect(value.bitPattern == expected.bitPattern || value.isNaN && expected.isNaN)
    }
  }

  @Test("every bfloat16 number widens exactly")
  func brainFloats() throws {
    let folder = try TemporaryFolder()
    let patterns = Array(UInt16.min...UInt16.max)
    let path = try folder.write(
      "brain.safetensors",
      rawSafetensors(
        #"{"b":{"dtype":"BF16","shape":[256,256],"data_offsets":[0,131072]}}"#,
        data: patterns.flatMap(GGUFBuilder.bytes)))
    let values = try TensorCatalogue.open(path).floats("b", shape: [256, 256])
    #expect(values.map(\.bitPattern) == patterns.map { UInt32($0) << 16 })
  }
}
