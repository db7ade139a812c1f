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

  /// What independent PyTorch and transformers code computed: the folder named by `DENJU_REFERENCE`, else
  /// `../shared/reference`, else the project's own, `Tests/Reference/vectors`.
  package static let reference =
    named("DENJU_REFERENCE")
    ?? (exists(shared("reference")) ? shared("reference") : path("Tests/Reference/vectors"))

  /// Published tokenizers: the folder named by `DENJU_TOKENIZERS`, else `../shared/tokenizers`.
  package static let tokenizers = named("DENJU_TOKENIZERS") ?? shared("tokenizers")

  /// SmolLM2-135M-Instruct.Q4_1.gguf, where `DENJU_SMOLLM2` says.
  package static let smolLM2 = named("DENJU_SMOLLM2")

  package static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  private static func named(_ variable: String) -> String? {
    ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
  }
}
