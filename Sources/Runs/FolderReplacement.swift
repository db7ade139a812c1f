import Foundation
import Generators

/// A folder filled beside the one it will replace. Until `commit` the old one stands; a replacement
/// that is dropped before leaves nothing behind.
package final class FolderReplacement {
  private let path: String
  private let temporaryPath: String
  private var isCommitted = false

  package init(path: String) throws(GeneratorError) {
    let parent = (path as NSString).deletingLastPathComponent
    let name = (path as NSString).lastPathComponent
    let tag = String(UInt64.random(in: .min ... .max), radix: 36)
    self.path = path
    temporaryPath = (parent as NSString).appendingPathComponent(".\(name).\(tag).tmp")
    do {
      try FileManager.default.createDirectory(
        atPath: temporaryPath, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(path: path, reason: systemReason())
    }
  }

  deinit {
    if !isCommitted { try? FileManager.default.removeItem(atPath: temporaryPath) }
  }

  /// A file's path within the new folder.
  package func file(_ name: String) -> String {
    (temporaryPath as NSString).appendingPathComponent(name)
  }

  /// Writes a file and makes it durable.
  package func write(_ name: String, _ contents: Data) throws(GeneratorError) {
    let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    let isWritten = contents.withUnsafeBytes { bytes -> Bool in
      var done = 0
      while done < bytes.count, let base = bytes.baseAddress {
        let count = Foundation.write(descriptor, base + done, bytes.count - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
    guard isWritten, fsync(descriptor) == 0 else {
      throw .unwritable(path: path, reason: systemReason())
    }
  }

  /// Puts the new folder in the old one's place in one step, makes that durable, and removes the old.
  package func commit() throws(GeneratorError) {
    try synchronize(temporaryPath)
    let replaces = FileManager.default.fileExists(atPath: path)
    guard replaces ? exchange() : rename(temporaryPath, path) == 0 else {
      throw .unwritable(path: path, reason: systemReason())
    }
    isCommitted = true
    let parent = (path as NSString).deletingLastPathComponent
    try synchronize(parent.isEmpty ? "." : parent)
    if replaces { try? FileManager.default.removeItem(atPath: temporaryPath) }
  }

  /// Lets the two folders change places. Where the file system cannot do that in one step, the old
  /// one is moved aside first: killed in between, both are still there, under other names.
  private func exchange() -> Bool {
    if let exchangeNames, exchangeNames(AT_FDCWD, temporaryPath, AT_FDCWD, path, 2) == 0 {
      return true
    }
    let aside = temporaryPath + ".old"
    guard rename(path, aside) == 0 else { return false }
    guard rename(temporaryPath, path) == 0 else {
      let reason = errno
      rename(aside, path)
      errno = reason
      return false
    }
    rename(aside, temporaryPath)
    return true
  }

  private func synchronize(_ folder: String) throws(GeneratorError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
  }
}

/// The system's words for the last failure.
/// What the operating system says of an error.
func systemReason(_ code: CInt = errno) -> String { String(cString: strerror(code)) }

private typealias RenameWithFlags =
  @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32

/// `renameat2`, whose flag 2 exchanges two names; Glibc's Swift module leaves it out.
private let exchangeNames = dlsym(nil, "renameat2").map { symbol in
  // The symbol is the C library's, of this very type (rename(2)).
  unsafeBitCast(symbol, to: RenameWithFlags.self)
}
