import ModelFiles
import TestSupport
import Testing

@Suite("Sharded safetensors")
struct SafetensorsIndexTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try write("one.safetensors", [("a", [1, 2]), ("c", [3])])
    try write("two.safetensors", [("b", [4])])
  }

  private func write(_ name: String, _ tensors: [(name: String, values: [Float])]) throws {
    var header: [String] = []
    var data: [UInt8] = []
    for (tensor, values) in tensors {
      let begin = data.count
      data += values.flatMap { GGUFBuilder.bytes($0.bitPattern) }
      header.append(
        "\"\(tensor)\":{\"dtype\":\"F32\",\"shape\":[\(values.count)],"
          + "\"data_offsets\":[\(begin),\(data.count)]}")
    }
    try folder.write(name, rawSafetensors("{\(header.joined(separator: ","))}", data: data))
  }

  private func open(_ map: String) throws -> TensorCatalogue {
    try folder.write("model.safetensors.index.json", "{\"weight_map\":\(map)}")
    return try TensorCatalogue.open(folder.path)
  }

  private static let map =
    #"{"a":"one.safetensors","b":"two.safetensors","c":"one.safetensors"}"#

  @Test("tensors of all shards, and a hash that does not see the shards")
  func sharding() throws {
    let sharded = try open(Self.map)
    #expect(sharded.names == ["a", "b", "c"])
    #expect(try sharded.floats("a") == [1, 2])
    #expect(try sharded.floats("b") == [4])
    let hash = sharded.sha256()
    try write("whole.safetensors", [("c", [3]), ("b", [4]), ("a", [1, 2])])
    let whole = try TensorCatalogue.open(folder.path + "/whole.safetensors")
    #expect(whole.sha256() == hash)
    try write("whole.safetensors", [("c", [3]), ("b", [4]), ("a", [1, 2.5])])
    #expect(try TensorCatalogue.open(folder.path + "/whole.safetensors").sha256() != hash)
    try write("whole.safetensors", [("c", [3]), ("d", [4]), ("a", [1, 2])])
    #expect(try TensorCatalogue.open(folder.path + "/whole.safetensors").sha256() != hash)
  }

  @Test("indexes that contradict their shards")
  func contradictions() {
    expectError("shard three.safetensors", "missing") {
      try open(#"{"a":"three.safetensors"}"#)
    }
    expectError("tensor d", "two.safetensors", "missing") {
      try open(String(Self.map.dropLast()) + #","d":"two.safetensors"}"#)
    }
    expectError("tensor c of shard one.safetensors", "no entry") {
      try open(#"{"a":"one.safetensors"}"#)
    }
    expectError("tensor b of shard two.safetensors", "one.safetensors") {
      try open(
        #"{"a":"one.safetensors","c":"one.safetensors","b":"one.safetensors","x":"two.safetensors"}"#
      )
    }
    expectError("twice") { try open(#"{"a":"one.safetensors","a":"one.safetensors"}"#) }
  }

  @Test("indexes that break the format")
  func malformed() {
    expectError("weight_map") { try open("[]") }
    expectError("weight_map of tensor a", "1") { try open(#"{"a":1}"#) }
    for name in ["../one.safetensors", "/etc/passwd", "", "..", "x\\u0000"] {
      expectError("weight_map of tensor a", "beside the index") { try open("{\"a\":\"\(name)\"}") }
    }
  }

  @Test("folders whose weights are ambiguous")
  func ambiguous() {
    expectError("one.safetensors, two.safetensors") { try TensorCatalogue.open(folder.path) }
  }
}
