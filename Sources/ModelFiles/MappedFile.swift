import Foundation

/// A regular file's bytes, mapped read-only for as long as the object lives.
///
/// Pages come from disk when they are first touched, so opening a file costs nothing and weights
/// that are never read are never loaded. A file must not be cut short while it is mapped: the
/// kernel answers a touch past its new end with SIGBUS. Denju replaces files by renaming, which
/// leaves an existing mapping whole.
public final class MappedFile: @unchecked Sendable {
  // Sendable: both properties are constants, and the mapping is private and read-only.

  public let path: String

  /// The whole file. Valid while this object lives; empty for an empty file.
  public let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`; throws `unreadable` when it cannot be opened or is no regular file.
  public init(path: String) throws(ModelFileError) {
    // O_NONBLOCK: opening a named pipe must fail below rather than wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(file: path, reason: systemMessage()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(file: path, reason: systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(file: path, reason: "it is not a regular file")
    }
    guard let size = Int(exactly: status.st_size), size >= 0 else {
      throw .unreadable(file: path, reason: "its size is out of range")
    }
    self.path = path
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0),
        address != MAP_FAILED
      else { throw .unreadable(file: path, reason: systemMessage()) }
      bytes = UnsafeRawBufferPointer(start: address, count: size)
    }
  }

  /// Gives the whole pages within `range` back: what was read of a file counts as memory of the
  /// process for as long as it is mapped.
  func release(_ range: Range<Int>) {
    guard let address = bytes.baseAddress else { return }
    let page = Int(getpagesize())
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    if first < end {
      madvise(UnsafeMutableRawPointer(mutating: address + first), end - first, MADV_DONTNEED)
    }
  }

  deinit {
    if let address = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }
}

/// What the last failed system call says of itself.
func systemMessage() -> String {
  String(cString: strerror(errno))
}
