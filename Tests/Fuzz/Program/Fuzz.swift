import Foundation

/// libFuzzer on one of the targets: `denju-fuzz TARGET FOLDER [libFuzzer's arguments]`. `run.sh` builds it.
@main
enum Fuzz {
  // Set once, before the first input, in the one thread that there is.
  nonisolated(unsafe) fileprivate static var target = FuzzTarget.records
  nonisolated(unsafe) fileprivate static var folder = ""

  static func main() {
    var arguments = CommandLine.arguments
    guard arguments.count >= 3, let chosen = FuzzTarget(rawValue: arguments[1]) else {
      fatalError("denju-fuzz TARGET FOLDER [ARGUMENTS]")
    }
    (target, folder) = (chosen, arguments[2])
    arguments.removeSubrange(1...2)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var count = CInt(arguments.count)
    pointers.withUnsafeMutableBufferPointer { buffer in
      var base = buffer.baseAddress
      exit(
        runDriver(&count, &base) { bytes, size in
          let input = UnsafeBufferPointer(start: bytes, count: size)
          Fuzz.target.run(Array(input), in: Fuzz.folder)
          return 0
        })
    }
  }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
