import CKernels

/// What the module's arithmetic promises, and the inner loops it runs on.
public enum Numerics {
  /// Names the arithmetic: which operations, in which order, with which rounding. Two builds with the
  /// same version compute the same bits from the same input on every x86-64 CPU, at any batch size
  /// and thread count. It is part of a cached state's identity: change it with the arithmetic.
  public static let version = "fma32-1"

  /// The instruction set in use: the best this CPU has, or the lower one that the environment
  /// variable `DENJU_SIMD` names (`portable`, `avx2`).
  public static var instructionSet: InstructionSet {
    InstructionSet(rawValue: kernels.pointee.level.rawValue) ?? .portable
  }

  public enum InstructionSet: UInt32, Sendable, CaseIterable {
    case portable = 0
    case avx2 = 1
    case avx512 = 2
  }
}

/// The inner loops in use. A table of functions that never changes after the first read.
@usableFromInline
package nonisolated(unsafe) let kernels: UnsafePointer<denju_kernels> =
  denju_kernels_for(denju_detect_level())
