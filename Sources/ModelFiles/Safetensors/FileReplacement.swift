import Foundation

/// A file written beside the one it will replace. Until `commit` the old file stands; a replacement
/// that is dropped before leaves nothing behind.
package final class FileReplacement {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isCommitted = false

  /// - Parameter mode: of the new file, as far as the process's mask allows.
  package init(path: String, mode: mode_t = 0o666) throws(ModelFileError) {
    let folder = (path as NSString).deletingLastPathComponent
    let name = (path as NSString).lastPathComponent
    let tag = String(UInt64.random(in: .min ... .max), radix: 36)
    self.path = path
    temporaryPath = (folder as NSString).appendingPathComponent(".\(name).\(tag).tmp")
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw .unwritable(file: path, reason: systemMessage()) }
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(temporaryPath) }
  }

  package func append(_ bytes: [UInt8]) throws(ModelFileError) {
    try bytes.withUnsafeBytes { raw in
      Result { () throws(ModelFileError) in try append(raw) }
    }.get()
  }

  package func append(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    guard let base = bytes.baseAddress else { return }
    var written = 0
    while written < bytes.count {
      let count = write(descriptor, base + written, bytes.count - written)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .unwritable(file: path, reason: systemMessage()) }
      written += count
    }
  }

  /// Makes the contents durable, then puts them in the old file's place, then makes that durable.
  package func commit() throws(ModelFileError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .unwritable(file: path, reason: systemMessage())
    }
    isCommitted = true
    let folder = (path as NSString).deletingLastPathComponent
    let folderDescriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { throw .unwritable(file: path, reason: systemMessage()) }
    defer { close(folderDescriptor) }
    guard fsync(folderDescriptor) == 0 else {
      throw .unwritable(file: path, reason: systemMessage())
    }
  }
}
