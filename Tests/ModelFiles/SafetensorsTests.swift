import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func open(
    _ header: String, data: Int = 0, length: UInt64? = nil
  ) throws -> TensorCatalogue {
    let bytes = rawSafetensors(header, data: [UInt8](repeating: 0, count: data), length: length)
    return try TensorCatalogue.open(folder.write("file.safetensors", bytes))
  }

  private func openTensor(_ fields: String, data: Int = 16) throws -> TensorCatalogue {
    try open("{\"t\":{\(fields)}}", data: data)
  }

  @Test("what is written is read")
  func roundTrip() throws {
    let path = folder.path + "/written.safetensors"
    let (values, ids): ([Float], [Int64]) = (
      [1, -.infinity, .leastNonzeroMagnitude], [-1, 1 << 40]
    )
    try values.withUnsafeBufferPointer { values in
      try ids.withUnsafeBufferPointer { ids in
        try SafetensorsWriter.write(
          path: path,
          tensors: [
            ("b \"quoted\"\n", [3, 1], .float32(values)), ("ids", [2], .int64(ids)),
            ("a", [], .float32(UnsafeBufferPointer(rebasing: values[0..<1]))),
            ("none", [0, 4], .float32(UnsafeBufferPointer(rebasing: values[0..<0]))),
          ], metadata: ["format": "pt", "odd\u{1}": "\\"])
      }
    }
    let catalogue = try TensorCatalogue.open(path)
    #expect(catalogue.names == ["a", "b \"quoted\"\n", "ids", "none"])
    #expect(try catalogue.floats("b \"quoted\"\n", shape: [3, 1]) == values)
    #expect(try catalogue.floats("a", shape: []) == [1])
    #expect(try catalogue.floats("none") == [])
    #expect(try catalogue.integers("ids") == ids)
    #expect(catalogue.metadata == ["format": "pt", "odd\u{1}": "\\"])
    #expect(catalogue["ids"]?.elementType == .i64)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
  }

  @Test("a refused write leaves the old file")
  func refusedWrite() throws {
    let path = try folder.write("old.safetensors", "old")
    let values: [Float] = [1, 2]
    values.withUnsafeBufferPointer { values in
      expectError("tensor a", "[3]", "2 elements") {
        try SafetensorsWriter.write(path: path, tensors: [("a", [3], values)])
      }
      expectError("tensor a", "taken") {
        try SafetensorsWriter.write(path: path, tensors: [("a", [2], values), ("a", [2], values)])
      }
      expectError("tensor a", "shape") {
        try SafetensorsWriter.write(path: path, tensors: [("a", [-2, -1], values)])
      }
      expectError("cannot be written", "No such file") {
        try SafetensorsWriter.write(
          path: folder.path + "/absent/x.safetensors", tensors: [("a", [2], values)])
      }
      expectError("cannot be written") {
        try SafetensorsWriter.write(path: folder.path, tensors: [("a", [2], values)])
      }
    }
    #expect(try folder.text("old.safetensors") == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
  }

  @Test("ids of 32 bits and floats at odd offsets")
  func unaligned() throws {
    let header =
      #"{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
      + #""f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},"#
      + #""i":{"dtype":"I32","shape":[1],"data_offsets":[9,13]}}"#
    let data =
      [7] + GGUFBuilder.bytes(Float(0.5).bitPattern) + GGUFBuilder.bytes(Float(-3).bitPattern)
      + GGUFBuilder.bytes(Int32(-9))
    let catalogue = try TensorCatalogue.open(
      folder.write("odd.safetensors", rawSafetensors(header, data: data)))
    #expect(try catalogue.floats("f") == [0.5, -3])
    #expect(try catalogue.integers("i") == [-9])
    expectError("tensor b", "U8") { try catalogue.floats("b") }
    expectError("tensor f", "F32", "I64") { try catalogue.integers("f") }
    expectError("tensor x", "missing") { try catalogue.floats("x") }
    expectError("tensor f", "[2]", "[1, 2]") { try catalogue.floats("f", shape: [1, 2]) }
  }

  @Test("a hundred thousand tensors")
  func manyTensors() throws {
    let tensors = (0..<100_000).map {
      "\"t\($0)\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[\($0 * 2),\($0 * 2 + 2)]}"
    }
    let catalogue = try open("{\(tensors.joined(separator: ","))}", data: 200_000)
    #expect(catalogue.names.count == 100_000)
  }

  @Test("headers that break the format")
  func headers() {
    expectError("header's length", "0 bytes") {
      try TensorCatalogue.open(folder.write("empty.safetensors", ""))
    }
    expectError("header's length", "18446744073709551615") { try open("{}", length: .max) }
    expectError("header's length", "at most 2", "3") { try open("{}", length: 3) }
    expectError("JSON") { try open("") }
    expectError("header", "an array") { try open("[]") }
    expectError("levels") { try open(String(repeating: "[", count: 100_000)) }
    expectError("__metadata__", "a string") { try open(#"{"__metadata__":"x"}"#) }
    expectError("__metadata__ key a", "an integer") { try open(#"{"__metadata__":{"a":1}}"#) }
    expectError("twice") {
      try open(
        #"{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"#
          + #""t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#)
    }
    expectError("the data", "0 bytes", "4") { try open("{}", data: 4) }
  }

  @Test("tensors that break the format")
  func tensors() {
    let offsets = #""data_offsets":[0,16]"#
    expectError("tensor t", "dtype") { try openTensor(#""shape":[4],"# + offsets) }
    expectError("tensor t", "F99") { try openTensor(#""dtype":"F99","shape":[4],"# + offsets) }
    expectError("tensor t", "Q4_0") { try openTensor(#""dtype":"Q4_0","shape":[4],"# + offsets) }
    for shape in ["[-4]", "[4.0]", "4", "null", "[\"4\"]", "[9223372036854775808]", "[[4]]"] {
      expectError("tensor t", "a shape of whole numbers") {
        try openTensor("\"dtype\":\"F32\",\"shape\":\(shape),\(offsets)")
      }
    }
    for shape in ["[4294967296,4294967296]", "[9223372036854775807]", "[0,4611686018427387904,4]"] {
      expectError("tensor t") {
        try openTensor("\"dtype\":\"F32\",\"shape\":\(shape),\(offsets)")
      }
    }
    expectError("tensor t", "20 bytes for F32 [5]", "16") {
      try openTensor(#""dtype":"F32","shape":[5],"# + offsets)
    }
    for offsets in [
      "[0,17]", "[16,0]", "[-16,0]", "[0]", "[0,16,16]", "{}", "[0,9223372036854775807]",
      "[9223372036854775800,9223372036854775807]",
    ] {
      expectError("tensor t", "data_offsets") {
        try openTensor("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":\(offsets)")
      }
    }
    expectError("tensor t", "offset 0") {
      try openTensor(#""dtype":"F32","shape":[2],"data_offsets":[8,16]"#)
    }
  }

  @Test("overlapping tensors")
  func overlap() {
    expectError("tensor b", "offset 8", "offset 4") {
      try open(
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
          + #""b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, data: 12)
    }
  }

  @Test("paths that are no files")
  func paths() {
    expectError("no such file") { try TensorCatalogue.open(folder.path + "/absent.safetensors") }
    expectError("safetensors or .gguf file", "missing") { try TensorCatalogue.open(folder.path) }
    expectError(".safetensors") { try TensorCatalogue.open(folder.write("x.bin", "x")) }
    expectError("not a regular file") { try MappedFile(path: folder.path) }
    expectError("/a\\nb: cannot be read") { try MappedFile(path: folder.path + "/a\nb") }
  }
}
