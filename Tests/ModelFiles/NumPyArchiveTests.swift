import Foundation
import ModelFiles
import TestSupport
import Testing

/// Archives as `numpy.load` opens them, checked by Python's own `zipfile` where that is there.
@Suite struct NumPyArchiveTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  static let hasPython = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

  private let layouts = [
    TensorLayout("text", shape: [5], type: .u8), TensorLayout("none", shape: [0, 3], type: .f32),
    TensorLayout("1.states", shape: [2, 3], type: .f32),
    TensorLayout("1.input_ids", shape: [2], type: .i64),
  ]

  private func write(_ name: String) throws -> String {
    let path = folder.path + "/" + name
    let archive = try NumPyArchive(path: path, layouts: layouts)
    let parts: [[UInt8]] = [
      Array("hel".utf8), Array("lo".utf8), [Float](arrayLiteral: 1, -2, 3.5).bytes,
      [Float](arrayLiteral: 4, 5, 6).bytes + [Int64](arrayLiteral: -7).bytes,
      [Int64](arrayLiteral: 1 << 40).bytes,
    ]
    for part in parts { try part.withUnsafeBytes { try archive.append($0) } }
    try archive.commit()
    return path
  }

  @Test func checksum() {
    // The check value of the algorithm's catalogue entry, CRC-32/ISO-HDLC.
    var checksum = CRC32()
    "1234".utf8.withContiguousStorageIfAvailable { checksum.add(UnsafeRawBufferPointer($0)) }
    "56789".utf8.withContiguousStorageIfAvailable { checksum.add(UnsafeRawBufferPointer($0)) }
    #expect(checksum.value == 0xCBF4_3926)
  }

  @Test(.enabled(if: hasPython, "needs /usr/bin/python3"))
  func pythonReadsIt() throws {
    let path = try write("a.npz")
    let program = """
      import ast, struct, sys, zipfile
      archive = zipfile.ZipFile(sys.argv[1])
      assert archive.testzip() is None
      for name in archive.namelist():
          data = archive.read(name)
          assert data[:8] == b"\\x93NUMPY\\x01\\x00", name
          length = struct.unpack("<H", data[8:10])[0]
          assert (10 + length) % 64 == 0
          head = ast.literal_eval(data[10:10 + length].decode())
          assert head["fortran_order"] is False
          kind = {"<f4": "f", "<i8": "q", "|u1": "B"}[head["descr"]]
          values = [each[0] for each in struct.iter_unpack("<" + kind, data[10 + length:])]
          print(name, head["shape"], values)
      """
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = ["-c", program, path]
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(
      text == """
        text.npy (5,) [104, 101, 108, 108, 111]
        none.npy (0, 3) []
        1.states.npy (2, 3) [1.0, -2.0, 3.5, 4.0, 5.0, 6.0]
        1.input_ids.npy (2,) [-7, 1099511627776]

        """)
  }

  @Test func equalContentsMakeEqualFiles() throws {
    let files = try ["a.npz", "b.npz"].map { try Data(contentsOf: URL(fileURLWithPath: write($0))) }
    #expect(files[0] == files[1])
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let path = try folder.write("old.npz", "old")
    expectError("array 0", "more bytes") {
      let archive = try NumPyArchive(path: path, layouts: layouts)
      try archive.commit()
    }
    expectError("array 4", "fewer bytes") {
      let archive = try NumPyArchive(path: path, layouts: layouts)
      try [UInt8](repeating: 0, count: 5 + 24 + 16 + 1).withUnsafeBytes { try archive.append($0) }
    }
    expectError("taken") {
      _ = try NumPyArchive(path: path, layouts: [layouts[0], layouts[0]])
    }
    expectError("F32, I64 or U8") {
      _ = try NumPyArchive(path: path, layouts: [TensorLayout("a", shape: [1], type: .bf16)])
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
  }
}

extension Array {
  fileprivate var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
