import Foundation

/// The checkout that these tests belong to, and what lies beside it.
package enum Checkout {
  package static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  /// A file or folder in the checkout.
  package static func path(_ name: String) -> String { folder + "/" + name }

  package static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  package static func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  /// A committed tokenizer or chat template: `Tests/Tokenization/Vectors`.
  package static func tokenizerVector(_ name: String) -> String {
    path("Tests/Tokenization/Vectors/" + name)
  }

  /// Data that is not committed, beside the checkout: `../shared`.
  package static func shared(_ name: String) -> String {
    URL(fileURLWithPath: folder).deletingLastPathComponent()
      .appendingPathComponent("shared/" + name).path
  }

  /// Where the vectors lie that independent PyTorch and transformers code made: in the folder named by
  /// `DENJU_REFERENCE`, which stands alone; else in `../shared/reference`, and what is not there in the
  /// project's own, `Tests/Reference/vectors`.
  package static let referenceRoots: [String] =
    named("DENJU_REFERENCE").map { [$0] }
    ?? [shared("reference"), path("Tests/Reference/vectors")]

  /// A file or folder of the vectors; where no root has its folder, a path that leads nowhere.
  package static func reference(_ name: String) -> String {
    let folder = name.split(separator: "/").first.map(String.init) ?? name
    let root = referenceRoots.first { exists($0 + "/" + folder) } ?? referenceRoots[0]
    return root + "/" + name
  }

  package static func hasReference(_ name: String) -> Bool { exists(reference(name)) }

  /// Published tokenizers: the folder named by `DENJU_TOKENIZERS`, else `../shared/tokenizers`.
  package static let tokenizers = named("DENJU_TOKENIZERS") ?? shared("tokenizers")

  /// SmolLM2-135M-Instruct.Q4_1.gguf, where `DENJU_SMOLLM2` says.
  package static let smolLM2 = named("DENJU_SMOLLM2")

  /// The folder of all-MiniLM-L6-v2, where `DENJU_MINILM` says.
  package static let miniLM = named("DENJU_MINILM").flatMap { folder in
    exists(folder + "/tokenizer.json") ? folder : nil
  }

  package static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  private static func named(_ variable: String) -> String? {
    ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
  }
}
