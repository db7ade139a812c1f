import Foundation

/// libFuzzer on one of the targets: `denju-fuzz --target=NAME --folder=F [libFuzzer's arguments]`. `run.sh` builds
/// it. libFuzzer ignores what begins so, and hands it on to the processes that it starts.
@main
enum Fuzz {
  // Set once, before the first input, in the one thread that there is.
  nonisolated(unsafe) fileprivate static var target = FuzzTarget.records
  nonisolated(unsafe) fileprivate static var folder = ""

  static func main() {
    let arguments = CommandLine.arguments
    guard let chosen = value("--target=").flatMap(FuzzTarget.init), let place = value("--folder=")
    else { fatalError("denju-fuzz --target=NAME --folder=F [ARGUMENTS]") }
    (target, folder) = (chosen, place)
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

private func value(_ flag: String) -> String? {
  CommandLine.arguments.first { $0.hasPrefix(flag) }.map { String($0.dropFirst(flag.count)) }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
