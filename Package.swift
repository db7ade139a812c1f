// swift-tools-version:6.2
import PackageDescription

// The modules, left to right as data flows. What each may import is a contract, kept by the test
// target `ArchitectureTests`, which reads the table below and the sources' own import lines.

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// Below Hummingbird lies a module called Numerics too, which nothing here imports: renamed.
let otherNumerics: Target.Dependency = .product(
  name: "Numerics", package: "swift-numerics", moduleAliases: ["Numerics": "SwiftNumerics"])

/// C is compiled with no contraction of its own: where a fused multiply-add is meant it is written,
/// so that every CPU computes the same bits.
let kernelSettings: [CSetting] = [
  .unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])
]

let package = Package(
  name: "denju",
  products: [.executable(name: "denju", targets: ["denju"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-numerics.git", from: "1.1.1"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "CKernels", exclude: ["kernels.inc", "int8.inc"], cSettings: kernelSettings),
    // Found while the program runs, if at all: a build needs no OpenBLAS.
    .target(name: "COpenBLAS"),
    .target(name: "Numerics", dependencies: ["CKernels", "COpenBLAS"]),
    .target(name: "ModelFiles", dependencies: ["Numerics", crypto]),
    .target(name: "Tokenization", dependencies: ["ModelFiles", crypto]),
    .target(name: "Corpora", dependencies: [crypto]),
    .target(name: "Layers", dependencies: ["Numerics"]),
    .target(name: "Identity"),
    .target(name: "Architectures", dependencies: ["Layers", "ModelFiles"]),
    .target(name: "Generators", dependencies: ["Architectures", "Identity"]),
    .target(name: "KnowledgeSource", dependencies: ["Architectures"]),
    .target(
      name: "FeatureCache", dependencies: ["Numerics", "Identity", "CZstd", grdb, crypto],
      resources: [.embedInCode("cache.sql")]),
    .target(name: "Runs", dependencies: ["Generators"]),
    .target(
      name: "Precompute",
      dependencies: ["Corpora", "Tokenization", "KnowledgeSource", "FeatureCache"]),
    .target(name: "Probing", dependencies: ["FeatureCache", "Tokenization"]),
    .target(
      name: "Training",
      dependencies: ["FeatureCache", "Runs", "Tokenization"]),
    .target(
      name: "Generation",
      dependencies: ["Tokenization", "KnowledgeSource", "FeatureCache", "Runs"]),
    .target(name: "Evaluation", dependencies: ["Generation", "Corpora"]),
    .target(name: "Serving", dependencies: ["Generation", logging, hummingbird, otherNumerics]),
    .target(
      name: "Pipeline",
      dependencies: [
        "Precompute", "Training", "Generation", "Evaluation", "Yams",
      ]),
    .executableTarget(
      name: "denju", dependencies: ["Pipeline", "Probing", "Serving", argumentParser, logging]),

    // What the tests share: the one way to make each fixture.
    .target(
      name: "TestSupport",
      dependencies: [
        "Architectures", "Corpora", "FeatureCache", "Generators", "Identity", "ModelFiles",
        "Numerics", "Precompute", "Runs", "Tokenization", "Training", crypto,
      ], path: "Tests/Support"),
    .testTarget(
      name: "NumericsTests", dependencies: ["Numerics", "CKernels", "TestSupport"],
      path: "Tests/Numerics"),
    .testTarget(
      name: "LayersTests", dependencies: ["Layers", "Numerics", "TestSupport"], path: "Tests/Layers"
    ),
    .testTarget(
      name: "ModelFilesTests", dependencies: ["Architectures", "ModelFiles", "TestSupport"],
      path: "Tests/ModelFiles", exclude: ["Vectors", "make_vectors.py"]),
    .testTarget(
      name: "ArchitecturesTests", dependencies: ["Architectures", "TestSupport"],
      path: "Tests/Architectures"),
    .testTarget(
      name: "TokenizationTests",
      dependencies: ["Tokenization", "ModelFiles", "TestSupport", crypto],
      path: "Tests/Tokenization",
      exclude: ["Vectors", "make_vectors.py", "make_wordpiece_vectors.py"]),
    .testTarget(
      name: "CorporaTests", dependencies: ["Corpora", "TestSupport"], path: "Tests/Corpora"),
    .testTarget(
      name: "KnowledgeSourceTests", dependencies: ["KnowledgeSource", "TestSupport"],
      path: "Tests/KnowledgeSource"),
    .testTarget(
      name: "FeatureCacheTests", dependencies: ["FeatureCache", "TestSupport", grdb, crypto],
      path: "Tests/FeatureCache", exclude: ["Vectors"]),
    .testTarget(
      name: "PrecomputeTests", dependencies: ["Precompute", "TestSupport", grdb],
      path: "Tests/Precompute"),
    .testTarget(
      name: "GeneratorsTests", dependencies: ["Generators", "Runs", "TestSupport"],
      path: "Tests/Generators"),
    .testTarget(
      name: "ReferenceTests",
      dependencies: ["KnowledgeSource", "Generators", "Tokenization", "TestSupport"],
      path: "Tests/Reference",
      exclude: [
        "vectors", "convert_checkpoint.md", "check_llama_vectors.py", "check_vectors.py",
        "llama_generator.py", "llama_vectors.py", "llm_modules.py", "make_vectors.py",
        "peft_check.py", "plain_llama.py", "vector_files.py",
      ]),
    .testTarget(
      name: "GenerationTests", dependencies: ["Generation", "TestSupport"],
      path: "Tests/Generation"),
    .testTarget(
      name: "ProbingTests", dependencies: ["Probing", "TestSupport"], path: "Tests/Probing",
      exclude: ["Vectors", "make_vectors.py"]),
    .testTarget(
      name: "TrainingTests", dependencies: ["Training", "TestSupport"], path: "Tests/Training"),
    .testTarget(
      name: "EvaluationTests", dependencies: ["Evaluation", "TestSupport"],
      path: "Tests/Evaluation"),
    .testTarget(
      name: "ExtensionTests",
      dependencies: ["Generation", "Precompute", "Training", "TestSupport"],
      path: "Tests/Extension"),
    .testTarget(
      name: "ServingTests", dependencies: ["Serving", "TestSupport", hummingbird, logging],
      path: "Tests/Serving"),
    .testTarget(
      name: "PipelineTests", dependencies: ["Pipeline", "TestSupport"], path: "Tests/Pipeline"),
    .testTarget(
      name: "DenjuTests",
      dependencies: [
        "denju", "FeatureCache", "KnowledgeSource", "ModelFiles", "Numerics", "Pipeline",
        "TestSupport", crypto,
        grdb,
      ],
      path: "Tests/denju", exclude: ["Goldens"]),
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "Architectures", "Corpora", "FeatureCache", "ModelFiles", "TestSupport", "Tokenization",
      ],
      path: "Tests/Fuzz", exclude: ["Program", "corpus", "run.sh"]),
    .testTarget(
      name: "ArchitectureTests", dependencies: ["TestSupport"], path: "Tests/Architecture"),
  ],
  swiftLanguageModes: [.v6]
)

// Every file imports the modules whose members it uses: the compiler sees to it.
for target in package.targets where target.type != .system {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [.enableUpcomingFeature("MemberImportVisibility")]
}

// What `Tests/Fuzz/run.sh` builds, with libFuzzer's runtime, which nothing else has.
if Context.environment["DENJU_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "denju-fuzz",
      dependencies: ["Architectures", "Corpora", "FeatureCache", "ModelFiles", "Tokenization"],
      path: "Tests/Fuzz/Program",
      // gold fails on what the sanitizer leaves.
      linkerSettings: [.unsafeFlags(["-use-ld=lld"])]))
}
