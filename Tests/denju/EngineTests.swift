import Foundation
import Numerics
import TestSupport
import Testing

/// The engine as a user chooses it.
@Suite struct EngineTests {
  /// Whether the program can be told to use it; tests of what it computes need it.
  static let hasOpenBLAS = OpenBLASEngine.load(isUnfused: false) != nil

  @Test func `OpenBLAS that is not there is named, with what to do`() throws {
    let workshop = try Workshop()
    // What the loader finds first is no library.
    try workshop.write("libopenblas.so.0", "")
    let program = try RunningProgram(
      Program.path, ["inspect", "source"], in: workshop.folder,
      environment: ["DENJU_SIMD=openblas", "LD_LIBRARY_PATH=\(workshop.folder)"])
    expectRefusal(program.wait(), "DENJU_SIMD=openblas", "libopenblas0")
  }

  @Test func `a name that there is not is refused`() throws {
    let workshop = try Workshop()
    let program = try RunningProgram(
      Program.path, ["inspect", "source"], in: workshop.folder, environment: ["DENJU_SIMD=avx1024"])
    expectRefusal(program.wait(), "DENJU_SIMD=avx1024", "openblas")
  }

  /// Each engine's states are other states to a cache of the other, which names both.
  @Test(
    .enabled(if: hasOpenBLAS, "libopenblas0 is not installed"),
    arguments: [("avx512", "openblas"), ("openblas", "avx512")])
  func `a cache of one engine is refused by the other`(made: String, asked: String) throws {
    let workshop = try Workshop()
    func precompute(_ engine: String) throws -> Program.Outcome {
      try RunningProgram(
        Program.path, workshop.precomputing(), in: workshop.folder,
        environment: ["DENJU_SIMD=\(engine)"]
      ).wait()
    }
    expectSuccess(try precompute(made))
    expectSuccess(try precompute(made))
    expectRefusal(
      try precompute(asked), "numerics version is", "fma32-1", "openblas-1 ")
  }
}
