import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Room on the file system that holds a cache.
public enum DiskSpace {
  /// Bytes that an ordinary user can still write at `path`; the folder decides when the file is not
  /// there yet.
  public static func available(at path: String) throws(CacheError) -> Int {
    var status = statvfs()
    let folder = (path as NSString).deletingLastPathComponent
    for candidate in [path, folder.isEmpty ? "." : folder] where statvfs(candidate, &status) == 0 {
      let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
        by: Int(clamping: status.f_frsize))
      return overflow ? Int.max : bytes
    }
    throw .refused(path: path, operation: "ask the free space of", reason: systemMessage())
  }

  /// Refuses work that would write `bytes` to `path` when the disk has less room.
  public static func require(_ bytes: Int, at path: String) throws(CacheError) {
    let free = try available(at: path)
    guard bytes <= free else {
      throw .wouldNotFit(path: path, needed: bytes, available: free)
    }
  }

  /// Too little room is left for SQLite to work in.
  static func isExhausted(at path: String) -> Bool {
    guard let free = try? available(at: path) else { return false }
    return free < 1 << 18
  }
}

/// The operating system's words for the last failed call.
func systemMessage(_ code: CInt = errno) -> String {
  String(cString: strerror(code))
}
