import Foundation

/// The right to train in a run's folder: an advisory lock on the folder itself, which the operating system frees
/// when its holder ends, however it ends.
package final class RunLock {
  private let descriptor: CInt

  /// Throws when another program trains there, or the folder can't be opened.
  package init(_ folder: RunFolder) throws(RunFolder.Failure) {
    descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .unwritable(file: folder.path, reason: systemReason())
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(descriptor)
      throw .unwritable(
        file: folder.path,
        reason: reason == EWOULDBLOCK
          ? "another denju trains in it; wait for its end, or name another folder"
          : systemReason(reason))
    }
  }

  deinit { close(descriptor) }
}
