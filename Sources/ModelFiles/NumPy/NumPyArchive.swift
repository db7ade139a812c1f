import Foundation

/// A NumPy archive (`.npz`), written array by array: a ZIP file of `.npy` files, stored as they are, which
/// `numpy.load` opens. Beyond 4 GB or 65,535 arrays it has ZIP64's records.
///
/// The formats are those of NumPy's `numpy.lib.format` (version 1.0) and of PKWARE's APPNOTE 6.3.
public final class NumPyArchive: TensorFileStream {
  public let order: [TensorLayout]
  private let path: String
  private let replacement: FileReplacement
  private let sizes: [Int]
  private var members: [Member] = []
  /// Bytes written.
  private var position = 0
  /// Bytes of the array under way that are still to come; its checksum so far.
  private var missing = 0
  private var checksum = CRC32()

  /// An array that is in the archive, as its directory lists it.
  private struct Member {
    let name: [UInt8]
    let offset: Int
    let size: Int
    let checksum: UInt32
  }

  /// Throws `mismatch` when a shape is impossible, an array is over 4 GB or a name comes twice,
  /// `unwritable` when the file system refuses; the old file, if any, is then untouched.
  public init(
    path: String, layouts: [TensorLayout], mode: mode_t = 0o666
  ) throws(ModelFileError) {
    self.path = path
    order = layouts
    sizes = try byteCounts(layouts, path: path)
    for (layout, size) in zip(layouts, sizes) {
      guard size <= Int(UInt32.max) - 65_536, layout.name.utf8.count <= 1000 else {
        throw .mismatch(
          file: path, item: "array \(layout.name)", expected: "at most 4 GB", found: "\(size) bytes"
        )
      }
      guard Self.description(of: layout.type) != nil else {
        throw .unsupported(
          file: path, item: "the type of array \(layout.name)", found: layout.type.rawValue,
          supported: "F32, I64 or U8")
      }
    }
    replacement = try FileReplacement(path: path, mode: mode)
    try beginNext()
  }

  public func append(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    var rest = bytes
    while !rest.isEmpty {
      guard members.count < order.count else { throw unfinished("fewer bytes") }
      let count = min(missing, rest.count)
      try write(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      missing -= count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if missing == 0 { try endMember() }
    }
  }

  public func commit() throws(ModelFileError) {
    guard members.count == order.count else { throw unfinished("more bytes") }
    try endArchive()
    try replacement.commit()
  }

  private func unfinished(_ expected: String) -> ModelFileError {
    .mismatch(
      file: path, item: "array \(min(members.count, order.count))", expected: expected,
      found: "other than its shape's")
  }

  private func beginNext() throws(ModelFileError) {
    // Arrays without elements are whole at once.
    while members.count < order.count {
      let layout = order[members.count]
      let head = Self.header(of: layout)
      checksum = CRC32()
      missing = sizes[members.count]
      memberStart = position
      var entry = Record()
      entry.add(0x0403_4b50 as UInt32)
      entry.addCommon(size: 0, checksum: 0, nameLength: layout.name.utf8.count + 4)
      entry.bytes += Array((layout.name + ".npy").utf8)
      try write(entry.bytes)
      checksum = CRC32()
      try write(head)
      memberSize = head.count + missing
      if missing > 0 { return }
      try endMember(goingOn: false)
    }
  }

  private var memberStart = 0
  private var memberSize = 0

  private func endMember(goingOn: Bool = true) throws(ModelFileError) {
    let member = Member(
      name: Array((order[members.count].name + ".npy").utf8), offset: memberStart,
      size: memberSize, checksum: checksum.value)
    members.append(member)
    var descriptor = Record()
    descriptor.add(0x0807_4b50 as UInt32)
    descriptor.add(member.checksum)
    descriptor.add(UInt32(member.size))
    descriptor.add(UInt32(member.size))
    try write(descriptor.bytes)
    if goingOn { try beginNext() }
  }

  private func endArchive() throws(ModelFileError) {
    let start = position
    for member in members {
      let isFar = member.offset >= Int(UInt32.max)
      var entry = Record()
      entry.add(0x0201_4b50 as UInt32)
      entry.add(45 as UInt16)
      entry.addCommon(
        size: UInt32(member.size), checksum: member.checksum, nameLength: member.name.count,
        extraLength: isFar ? 12 : 0)
      for _ in 0..<3 { entry.add(0 as UInt16) }  // comment, disk, internal attributes
      entry.add(0o600 << 16 as UInt32)
      entry.add(isFar ? UInt32.max : UInt32(member.offset))
      entry.bytes += member.name
      if isFar {
        entry.add(1 as UInt16)
        entry.add(8 as UInt16)
        entry.add(UInt64(member.offset))
      }
      try write(entry.bytes)
    }
    let size = position - start
    var end = Record()
    if start >= Int(UInt32.max) || members.count >= Int(UInt16.max) {
      let record = position
      end.add(0x0606_4b50 as UInt32)
      end.add(44 as UInt64)
      end.add(45 as UInt16)
      end.add(45 as UInt16)
      end.add(0 as UInt32)
      end.add(0 as UInt32)
      end.add(UInt64(members.count))
      end.add(UInt64(members.count))
      end.add(UInt64(size))
      end.add(UInt64(start))
      end.add(0x0706_4b50 as UInt32)
      end.add(0 as UInt32)
      end.add(UInt64(record))
      end.add(1 as UInt32)
    }
    end.add(0x0605_4b50 as UInt32)
    end.add(0 as UInt32)
    end.add(UInt16(clamping: members.count))
    end.add(UInt16(clamping: members.count))
    end.add(UInt32(clamping: size))
    end.add(UInt32(clamping: start))
    end.add(0 as UInt16)
    try write(end.bytes)
  }

  private func write(_ bytes: [UInt8]) throws(ModelFileError) {
    bytes.withUnsafeBytes { checksum.add($0) }
    position += bytes.count
    try replacement.append(bytes)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    checksum.add(bytes)
    position += bytes.count
    try replacement.append(bytes)
  }

  private static func description(of type: ElementType) -> String? {
    switch type {
    case .f32: "<f4"
    case .i64: "<i8"
    case .u8: "|u1"
    default: nil
    }
  }

  /// What a `.npy` file begins with, a multiple of 64 bytes.
  private static func header(of layout: TensorLayout) -> [UInt8] {
    let shape = layout.shape.map { "\($0)," }.joined(separator: " ")
    var text =
      "{'descr': '\(description(of: layout.type) ?? "")', 'fortran_order': False, 'shape': (\(shape)), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = UInt16(text.utf8.count)
    return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + text.utf8
  }
}

/// Little-endian fields, one after the other.
private struct Record {
  var bytes: [UInt8] = []

  mutating func add(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  /// The fields that a member's two headers share, from the version that is needed to the lengths. The
  /// checksum and sizes of the first come after the data (bit 3); the time is 1980's first.
  mutating func addCommon(
    size: UInt32, checksum: UInt32, nameLength: Int, extraLength: Int = 0
  ) {
    add(45 as UInt16)
    add(1 << 3 | 1 << 11 as UInt16)  // sizes follow; names are UTF-8
    add(0 as UInt16)  // stored
    add(0 as UInt16)
    add(1 << 5 | 1 as UInt16)
    add(checksum)
    add(size)
    add(size)
    add(UInt16(nameLength))
    add(UInt16(extraLength))
  }
}

/// The checksum of ZIP and gzip (RFC 1952, section 8).
package struct CRC32 {
  package init() {}

  private var state = UInt32.max

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
  }

  package var value: UInt32 { ~state }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    Self.table.withUnsafeBufferPointer { table in
      for byte in bytes { state = table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8 }
    }
  }
}
