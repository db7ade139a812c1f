import Foundation
import ModelFiles
import Testing

/// Where the vectors lie that independent PyTorch and transformers code made: in the folder named by
/// `DENJU_REFERENCE`, else in `../shared/reference` beside the checkout, and what is not there in the
/// project's own, `Tests/Reference/vectors`. What is in a folder says itself which sizes it has.
enum ReferenceFolder {
  /// The package's folder.
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The folders that are looked in, the first that has a thing counts. A named one stands alone.
  static let roots: [URL] = {
    if let named = ProcessInfo.processInfo.environment["DENJU_REFERENCE"], !named.isEmpty {
      return [URL(fileURLWithPath: named)]
    }
    return [
      package.deletingLastPathComponent().appendingPathComponent("shared/reference"),
      package.appendingPathComponent("Tests/Reference/vectors"),
    ]
  }()

  /// A file or folder of the vectors; where no root has its folder, a path that leads nowhere.
  static func path(_ name: String) -> String {
    let folder = name.split(separator: "/").first.map(String.init) ?? name
    let root = roots.first { exists($0.appendingPathComponent(folder)) } ?? roots[0]
    return root.appendingPathComponent(name).path
  }

  /// The folders that have all of these files, whichever root they are in.
  static func names(with files: [String]) -> [String] {
    let all = roots.flatMap {
      (try? FileManager.default.contentsOfDirectory(atPath: $0.path)) ?? []
    }
    return Set(all).filter { name in files.allSatisfy { has("\(name)/\($0)") } }.sorted()
  }

  /// The files of a folder that end so, without the ending.
  static func files(in folder: String, endingWith ending: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []
    return names.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
  }

  /// Links to a folder's files, but its vectors, in a folder of its name within another; gives its path.
  static func copy(_ name: String, to folder: String) throws -> String {
    let copy = folder + "/" + name
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: path(name))
    where file != "expected.safetensors" {
      try FileManager.default.createSymbolicLink(
        atPath: copy + "/" + file, withDestinationPath: path("\(name)/\(file)"))
    }
    return copy
  }

  static func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  private static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path)
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips a test, and says why, where the vectors have no folder of this name.
  static func vectors(_ name: String) -> Self {
    let places = ReferenceFolder.roots.map(\.path).joined(separator: " or ")
    return .enabled(if: ReferenceFolder.has(name), "no vectors \(name) in \(places)")
  }
}

/// The largest ‖ours − reference‖ / ‖reference‖ of any row. Row by row, since one token can be so
/// large that an error over the whole tensor sees nothing else.
func worstRelativeError(_ ours: [Float], _ reference: [Float], width: Int) -> Double {
  guard ours.count == reference.count, width > 0 else { return .infinity }
  var worst = 0.0
  for row in stride(from: 0, to: ours.count, by: width) {
    var (difference, size) = (0.0, 0.0)
    for index in row..<row + width {
      let (a, b) = (Double(ours[index]), Double(reference[index]))
      difference += (a - b) * (a - b)
      size += b * b
    }
    let error = (difference / max(size, .leastNormalMagnitude)).squareRoot()
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst
}

/// The largest |ours − reference|.
func worstAbsoluteError(_ ours: [Float], _ reference: [Float]) -> Float {
  guard ours.count == reference.count else { return .infinity }
  return zip(ours, reference).reduce(0) { worst, pair in
    let error = abs(pair.0 - pair.1)
    return error.isNaN ? .infinity : max(worst, error)
  }
}
