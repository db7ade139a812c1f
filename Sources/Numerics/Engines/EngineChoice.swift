import CKernels
import Foundation

/// Which engine and which inner loops a process runs on, chosen once.
package struct EngineChoice: Sendable {
  package let engine: any ProductEngine
  /// Whether elementwise loops round products and sums one by one.
  package let isUnfused: Bool
  /// Why the engine that was asked for is not the one in use.
  package let problem: NumericsError?

  /// The choice by `DENJU_SIMD` and this CPU.
  package static let current = EngineChoice(
    asked: ProcessInfo.processInfo.environment["DENJU_SIMD"], best: denju_best_level(),
    openBLAS: OpenBLASEngine.load)

  /// What solves dense systems, where bits may differ between machines: LAPACK, of OpenBLAS, where it is
  /// there and the environment does not name our own kernels; else the engine in use.
  package static let solver = solver(
    asked: ProcessInfo.processInfo.environment["DENJU_SIMD"], engine: current.engine,
    openBLAS: OpenBLASEngine.load)

  package static func solver(
    asked: String?, engine: any ProductEngine, openBLAS: (_ isUnfused: Bool) -> (any ProductEngine)?
  ) -> any ProductEngine {
    if let asked, levels.contains(asked) { return engine }
    return openBLAS(false) ?? engine
  }

  private static let openBLAS = "openblas"
  private static let levels = ["portable", "avx2", "avx512"]

  /// OpenBLAS where it is asked for, and where it is there on a CPU that only our portable kernels
  /// run on, unless those are asked for.
  package init(
    asked: String?, best: denju_level, openBLAS: (_ isUnfused: Bool) -> (any ProductEngine)?
  ) {
    let asked = asked.flatMap { $0.isEmpty ? nil : $0 }
    let isUnfused = best == DENJU_PORTABLE && denju_unfused_kernels() != denju_kernels_for(best)
    let isWanted = asked == Self.openBLAS || asked == nil && best == DENJU_PORTABLE
    if isWanted, let found = openBLAS(isUnfused) {
      (engine, self.isUnfused, problem) = (found, isUnfused, nil)
      return
    }
    (engine, self.isUnfused) = (PanelEngine(), false)
    switch asked {
    case Self.openBLAS: problem = .noOpenBLAS
    case .some(let name) where !Self.levels.contains(name): problem = .unknownSIMD(name)
    default: problem = nil
    }
  }
}

/// The inner loops in use. A table of functions that never changes after the first read.
@usableFromInline
package nonisolated(unsafe) let kernels: UnsafePointer<denju_kernels> =
  EngineChoice.current.isUnfused
  ? denju_unfused_kernels() : denju_kernels_for(denju_detect_level())
