import Foundation

/// Where a model's weights are: the file to open first.
enum WeightFile {
  case safetensors(String)
  case safetensorsIndex(String)
  case gguf(String)

  /// Resolves a file by its name, a folder by what it holds. As in transformers,
  /// `model.safetensors` goes before its index, and safetensors before GGUF.
  static func find(at path: String) throws(ModelFileError) -> WeightFile {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .unreadable(file: path, reason: "no such file or folder")
    }
    if !isFolder.boolValue {
      if path.hasSuffix(".gguf") { return .gguf(path) }
      if path.hasSuffix(".safetensors") { return .safetensors(path) }
      if path.hasSuffix(".safetensors.index.json") { return .safetensorsIndex(path) }
      throw .unsupported(
        file: path, item: "the file's extension",
        found: "\"\((path as NSString).pathExtension)\"",
        supported: ".safetensors, .safetensors.index.json or .gguf")
    }
    let names = try folderContents(path)
    func inFolder(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }
    if names.contains("model.safetensors") { return .safetensors(inFolder("model.safetensors")) }
    if let name = try single(names, ".safetensors.index.json", in: path) {
      return .safetensorsIndex(inFolder(name))
    }
    if let name = try single(names, ".safetensors", in: path) {
      return .safetensors(inFolder(name))
    }
    if let name = try single(names, ".gguf", in: path) { return .gguf(inFolder(name)) }
    throw .missing(
      file: path, item: "a .safetensors or .gguf file", advice: "fetch the model's weights")
  }

  /// The one name that ends in `suffix`, nil for none; several are an error that lists them.
  static func single(
    _ names: [String], _ suffix: String, in folder: String
  ) throws(ModelFileError) -> String? {
    let candidates = names.filter { $0.hasSuffix(suffix) }
    guard candidates.count <= 1 else {
      throw .mismatch(
        file: folder, item: "the folder's *\(suffix) files", expected: "one, or a file named",
        found: candidates.joined(separator: ", "))
    }
    return candidates.first
  }

  /// The names in a folder, sorted.
  static func folderContents(_ path: String) throws(ModelFileError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw .unreadable(file: path, reason: error.localizedDescription)
    }
  }
}
