import ArgumentParser
import Foundation
import ModelFiles
import Numerics

/// One engine that `denju bench engines` times: it answers a line of JSON with a line of JSON, as
/// `PeerProcess` asks.
struct BenchEngine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "Answer what `bench engines` asks, by the engine that DENJU_SIMD names.",
    shouldDisplay: false)

  @Argument(help: "The source.")
  var source: String

  private struct Hello: Encodable {
    let peer: String
    let version: String
  }

  private struct Request: Decodable {
    let product: ProductShape?
    let documents: [[Int32]]?
  }

  private struct Seconds: Encodable {
    let seconds: Double
  }

  func run() throws {
    // It waits for a line most of the time, and is ended there.
    Interruption.release()
    let contender = try OwnContender(ModelFolder.open(source), .float32)
    try say(Hello(peer: Numerics.engineName, version: Numerics.version))
    while let line = readLine() {
      let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
      if let documents = request.documents {
        let workload = Workload(name: "", documents: documents, tuning: [])
        try say(Seconds(seconds: try contender.seconds(workload)))
      } else if let product = request.product {
        try say(Seconds(seconds: product.seconds()))
      }
    }
  }

  /// Written at once, since the other side waits for it.
  private func say(_ answer: some Encodable) throws {
    try FileHandle.standardOutput.write(
      contentsOf: JSONEncoder().encode(answer) + Data([UInt8(ascii: "\n")]))
  }
}
