/// Why arithmetic is not computed as the environment asks. Every description is one line.
public enum NumericsError: Error, Equatable, CustomStringConvertible {
  /// OpenBLAS was asked for and can't be loaded.
  case noOpenBLAS

  /// `DENJU_SIMD` names nothing that there is.
  case unknownSIMD(String)

  /// `DENJU_THREADS` is no count of threads.
  case badThreadCount(String)

  public var description: String {
    switch self {
    case .noOpenBLAS:
      "DENJU_SIMD=openblas: no libopenblas.so.0 can be loaded; install Debian's libopenblas0, "
        + "or leave DENJU_SIMD out for Denju's own kernels"
    case .unknownSIMD(let name):
      "DENJU_SIMD=\(name): it can be openblas, avx512, avx2 or portable"
    case .badThreadCount(let text):
      "DENJU_THREADS=\(text): it can be 1 to \(ThreadTeam.largestCount), or left out for as many as there are CPUs"
    }
  }
}
