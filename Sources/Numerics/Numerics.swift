import CKernels

/// What the module's arithmetic promises, and what it runs on.
public enum Numerics {
  /// Names the arithmetic: which operations, in which order, with which rounding. It is part of a
  /// cached state's identity: change it with the arithmetic.
  ///
  /// Two builds with the same version of our own kernels, `fma32-1`, compute the same bits from the
  /// same input on every x86-64 CPU, at any batch size and thread count. OpenBLAS's has in it what
  /// its bits depend on: its own version and the kernels that it took.
  public static var version: String { EngineChoice.current.engine.version }

  /// Whether the bits are those of our own kernels, which are the same everywhere.
  public static var hasOwnBits: Bool { EngineChoice.current.engine is PanelEngine }

  /// Whether a row's bits depend on that row alone, not on its batch nor on the threads: so with our
  /// own kernels and most of OpenBLAS's.
  public static var keepsRowBits: Bool { EngineChoice.current.engine.keepsRowBits }

  /// What computes products, for people.
  public static var engineName: String { EngineChoice.current.engine.name }

  /// Throws where `DENJU_SIMD` or `DENJU_THREADS` asks for what is not to be had; else our kernels, and as many
  /// threads as there are CPUs, stand in for it.
  public static func checkEnvironment() throws(NumericsError) {
    if let problem = EngineChoice.current.problem { throw problem }
    if let text = ThreadTeam.askedCount, ThreadTeam.count(of: text) == nil {
      throw .badThreadCount(text)
    }
  }

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
