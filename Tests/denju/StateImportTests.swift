import FeatureCache
import Foundation
import Identity
import ModelFiles
import TestSupport
import Testing

/// Files of states that can't be imported: told as such, and no cache is made.
@Suite struct StateImportTests {
  private static func write(_ identity: CacheIdentity, _ path: String) throws {
    let text = Array(try JSONEncoder().encode(identity))
    let file = try SafetensorsStream(
      path: path, layouts: [TensorLayout("identity", shape: [text.count], type: .u8)])
    try text.withUnsafeBytes { try file.append($0) }
    try file.commit()
  }

  @Test func `an identity that no source can have`() throws {
    let workshop = try CacheCommandTests.prepared()
    let sound = try FeatureCache.open(workshop.cache).identity
    let arguments = ["cache", "import", "new.sqlite", "--from", "a.safetensors"]
    try Self.write(sound, workshop.path("a.safetensors"))
    expectRefusal(try workshop.denju(arguments), "a.safetensors", "tensor source is missing")
    let changes: [(String, (inout CacheIdentity) -> Void)] = [
      ("its layer is `4611686018427387904`", { $0.layer = 1 << 62 }),
      ("its layer is `-1`", { $0.layer = -1 }),
      ("its width is `0`", { $0.width = 0 }),
      ("its weights is `abc`", { $0.weights = "abc" }),
      ("its weights is `zz", { $0.weights = String(repeating: "z", count: 64) }),
      ("its tokenizer is `", { $0.tokenizer = String(repeating: "AB", count: 32) }),
      ("its precision is `float7`", { $0.precision = "float7" }),
      ("its codec is ``", { $0.codec = "" }),
      ("its codec is `a b`", { $0.codec = "a\nb" }),
      ("its architecture is `x`", { $0.architecture = "x" }),
    ]
    for (words, change) in changes {
      var identity = sound
      change(&identity)
      try Self.write(identity, workshop.path("a.safetensors"))
      expectRefusal(try workshop.denju(arguments), "a.safetensors", words)
      #expect(!FileManager.default.fileExists(atPath: workshop.path("new.sqlite")))
    }
  }

  @Test func `what was given is exported and imported with its states`() throws {
    let workshop = try Workshop()
    try workshop.writeConversations()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(try workshop.denju("cache", "export", "cache.sqlite", "--out", "a.safetensors"))
    expectSuccess(
      try workshop.denju("cache", "import", "new.sqlite", "--from", "a.safetensors"))
    let (old, new) = try (
      FeatureCache.open(workshop.cache), FeatureCache.open(workshop.path("new.sqlite"))
    )
    let documents = try old.documents().map { try old.document($0.id) }
    #expect(documents.count == 36 && documents.allSatisfy { $0.form == .messages })
    #expect(
      documents.allSatisfy {
        $0.given.starts(with: Array(#"[{"role":"user","content":"The "#.utf8))
      })
    #expect(try new.documents().map { try new.document($0.id) } == documents)
    let whole = try TensorCatalogue.open(workshop.path("a.safetensors"))
    #expect(whole.names.count { $0.hasSuffix(".given") } == 36)
  }

  @Test func `a file that is no file of states`() throws {
    let workshop = try CacheCommandTests.prepared()
    expectSuccess(try workshop.denju("cache", "export", "cache.sqlite", "--out", "a.safetensors"))
    let whole = try workshop.bytes("a.safetensors")
    try whole.prefix(whole.count / 2).write(
      to: URL(fileURLWithPath: workshop.path("half.safetensors")))
    try workshop.write("text.safetensors", "these are no states")
    try workshop.write("states.npz", "nor are these")
    for name in ["half.safetensors", "text.safetensors", "states.npz", "absent.safetensors"] {
      let outcome = try workshop.denju("cache", "import", "new.sqlite", "--from", name)
      expectRefusal(outcome, name)
      for word in ["model", "weights", "convert"] {
        #expect(!outcome.errors.contains(word), Comment(rawValue: outcome.errors))
      }
      #expect(!FileManager.default.fileExists(atPath: workshop.path("new.sqlite")))
    }
  }
}
