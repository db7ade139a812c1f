import Foundation

/// `model.safetensors.index.json`: which shard holds which tensor.
struct SafetensorsIndex {
  let entries: [TensorEntry]

  /// The union of the shards' metadata; where two differ, the first shard by name wins.
  let metadata: [String: String]

  /// Opens every shard that the index names. The index and the shards must agree on every tensor.
  init(path: String) throws(ModelFileError) {
    var missing = try Self.shardByTensor(path)
    let shards = missing
    var entries: [TensorEntry] = []
    var metadata: [String: String] = [:]
    for shard in Set(shards.values).sorted() {
      let shardPath = (path as NSString).deletingLastPathComponent + "/" + shard
      guard FileManager.default.fileExists(atPath: shardPath) else {
        throw .missing(file: path, item: "shard \(shard)", advice: "fetch the whole folder again")
      }
      let file = try SafetensorsFile(MappedFile(path: shardPath))
      metadata.merge(file.metadata) { first, _ in first }
      for entry in file.entries {
        guard shards[entry.name] == shard else {
          throw .malformed(
            file: path, item: "tensor \(entry.name) of shard \(shard)",
            expected: "weight_map to place it there",
            found: shards[entry.name] ?? "no entry for it")
        }
        missing[entry.name] = nil
        entries.append(entry)
      }
    }
    if let (name, shard) = missing.min(by: { $0.key < $1.key }) {
      throw .missing(
        file: path, item: "tensor \(name), which weight_map places in \(shard),",
        advice: "fetch the whole folder again")
    }
    self.entries = entries
    self.metadata = metadata
  }

  private static func shardByTensor(_ path: String) throws(ModelFileError) -> [String: String] {
    guard case .object(let index) = try JSONValue(contentsOf: path),
      case .object(let map)? = index["weight_map"]
    else {
      throw .malformed(
        file: path, item: "the index", expected: "an object with weight_map", found: "none")
    }
    var shards: [String: String] = [:]
    for (name, value) in map.members {
      // A shard lies beside its index: a path would let an index read any file.
      guard case .string(let shard) = value, !shard.isEmpty,
        !shard.utf8.contains(UInt8(ascii: "/")),
        !shard.utf8.contains(0), shard != ".."
      else {
        throw .malformed(
          file: path, item: "weight_map of tensor \(name)",
          expected: "a file name beside the index",
          found: value.summary)
      }
      shards[name] = shard
    }
    return shards
  }
}
