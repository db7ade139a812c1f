/// Which module may import which: the contract of the project, one line a module, left to right as
/// data flows.
///
/// A module that may be imported brings what it may import. Where the build would allow more, this doesn't.
enum ModuleTable {
  /// What a module may import besides what those modules bring.
  static let direct: [String: Set<String>] = [
    "CZstd": [],
    "CKernels": [],
    "COpenBLAS": [],
    "Numerics": ["CKernels", "COpenBLAS"],
    "ModelFiles": ["Numerics", "Crypto"],
    "Identity": [],
    "Tokenization": ["ModelFiles"],
    "Corpora": ["Crypto"],
    "Layers": ["Numerics"],
    "Architectures": ["Layers", "ModelFiles", "Identity"],
    "KnowledgeSource": ["Architectures"],
    "FeatureCache": ["Numerics", "Identity", "CZstd", "GRDB", "Crypto"],
    "Generators": ["Architectures", "Identity"],
    "Runs": ["Generators", "Identity"],
    "Precompute": ["Corpora", "Tokenization", "KnowledgeSource", "FeatureCache"],
    "Probing": ["FeatureCache", "Tokenization"],
    "Training": ["FeatureCache", "Runs", "Tokenization"],
    "Generation": ["Tokenization", "KnowledgeSource", "FeatureCache", "Runs"],
    "Evaluation": ["Generation", "Corpora"],
    "Serving": ["Generation", "Hummingbird"],
    "Pipeline": ["Precompute", "Training", "Generation", "Evaluation", "Yams"],
    "denju": ["Pipeline", "Probing", "Serving", "ArgumentParser"],
    // Of the tests: no line above names it.
    "TestSupport": ["Precompute", "Training"],
  ]

  /// Modules of other packages, each with those of its modules that come with it.
  static let external: [String: Set<String>] = [
    "Crypto": [],
    "GRDB": [],
    "Yams": [],
    "ArgumentParser": [],
    "Hummingbird": ["HTTPTypes", "NIOCore", "NIOFoundationEssentialsCompat", "ServiceLifecycle"],
  ]

  /// Modules that come with the toolchain or the system and need no dependency.
  static let toolchain: Set<String> = [
    "Swift", "Synchronization", "Dispatch", "Glibc", "Musl", "Darwin", "Foundation",
    "FoundationEssentials",
  ]

  /// What every module may import: those, swift-log and swift-collections.
  static let openToAll: Set<String> = toolchain.union([
    "Logging", "Collections", "DequeModule", "HeapModule", "OrderedCollections",
  ])

  /// All that a module may import, but for what is open to all.
  static func allowed(_ module: String) -> Set<String> {
    reachable(from: module) { direct[$0] ?? external[$0] ?? [] }
  }

  /// All that is reached from a module along `edges`; the module itself only where a cycle leads back.
  static func reachable(from module: String, edges: (String) -> Set<String>) -> Set<String> {
    var found: Set<String> = []
    var waiting = Array(edges(module))
    while let next = waiting.popLast() {
      if found.insert(next).inserted { waiting += edges(next) }
    }
    return found
  }
}
