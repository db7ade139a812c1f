import Foundation

/// A file's bytes in order, held a block at a time.
struct ByteStream: ~Copyable {
  static let blockSize = 1 << 20

  private let file: String
  /// Closes the file when it goes.
  private let handle: FileHandle
  private var block: [UInt8]
  private var position: Int
  /// Line of the next byte, from 1.
  private(set) var line = 1

  /// Opens `path`; a byte order mark at its start is passed over.
  init(_ path: String) throws(CorpusError) {
    let handle = try Self.open(path)
    let block = try Self.block(of: handle, path)
    self.file = path
    self.handle = handle
    self.block = block
    self.position = block.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The next byte, which stays the next; `nil` at the end.
  mutating func peek() throws(CorpusError) -> UInt8? {
    if position == block.count { try fill() }
    return position < block.count ? block[position] : nil
  }

  mutating func next() throws(CorpusError) -> UInt8? {
    guard let byte = try peek() else { return nil }
    position += 1
    if byte == UInt8(ascii: "\n") { line += 1 }
    return byte
  }

  /// The bytes up to the next line feed or the end, without it and a carriage return before it;
  /// `nil` at the end.
  ///
  /// Of a line longer than `limit` the rest is passed over, and `overflow` set.
  mutating func nextLine(limit: Int, overflow: inout Bool) throws(CorpusError) -> [UInt8]? {
    overflow = false
    guard try peek() != nil else { return nil }
    var bytes: [UInt8] = []
    while try peek() != nil {
      let rest = block[position...]
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      let fits = end - position <= limit - bytes.count
      if fits && !overflow {
        bytes.append(contentsOf: rest[..<end])
      } else {
        overflow = true
      }
      position = end
      if end < block.count {
        _ = try next()
        break
      }
    }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return bytes
  }

  private mutating func fill() throws(CorpusError) {
    block = try Self.block(of: handle, file)
    position = 0
  }

  private static func open(_ path: String) throws(CorpusError) -> FileHandle {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .unreadable(file: path, reason: "there is no such file")
    }
    guard !isFolder.boolValue else {
      throw .unreadable(file: path, reason: "it is a folder")
    }
    let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let type =
      try? FileManager.default.attributesOfItem(atPath: resolved)[.type] as? FileAttributeType
    guard type == .typeRegular else {
      throw .unreadable(
        file: path,
        reason: "it is no plain file, and a corpus is read more than once: write it to a file first"
      )
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw .unreadable(file: path, reason: "no permission")
    }
    return handle
  }

  private static func block(of handle: FileHandle, _ file: String) throws(CorpusError) -> [UInt8] {
    do {
      return Array(try handle.read(upToCount: blockSize) ?? Data())
    } catch {
      throw .unreadable(file: file, reason: error.localizedDescription)
    }
  }
}
