import Architectures
import Foundation
import ModelFiles

/// Another program that computes the same model.
struct PeerContender: Contender {
  var name: String { process.name }
  var version: String { process.version }
  let isOurs = false
  private let process: PeerProcess

  private struct Tune: Encodable {
    let tune: String
    let documents: [[Int32]]
  }

  private struct Tuned: Decodable {
    let setting: String
  }

  private struct Run: Encodable {
    let run: String
    let documents: [[Int32]]
  }

  struct Seconds: Decodable {
    let seconds: Double
  }

  init(_ process: PeerProcess) {
    self.process = process
  }

  func prepare(_ workload: Workload) throws -> String? {
    let tune = Tune(tune: workload.name, documents: workload.tuning)
    return try process.ask(tune, as: Tuned.self).setting
  }

  func seconds(_ workload: Workload) throws -> Double {
    let run = Run(run: workload.name, documents: workload.documents)
    return try process.ask(run, as: Seconds.self).seconds
  }
}

/// Which peers there are, and how each is started.
struct PeerSettings {
  /// A Python that has them; nil where there is none.
  let python: String?
  /// The folder that `make_models.py` fills.
  let models: String
  let threads: Int

  private static let scripts = "Tests/Benchmarks"

  private struct Peer {
    let name: String
    let script: String
    let model: String
    let option: String?
  }

  private static let peers =
    ["float32", "bfloat16"].map { (precision: String) in
      Peer(
        name: "transformers \(precision)", script: "peer_transformers.py", model: "smollm2-bf16",
        option: precision)
    }
    + ["f32", "q8_0", "q4_0"].map {
      Peer(
        name: "llama.cpp \($0.uppercased())", script: "peer_llama.py", model: "smollm2-\($0).gguf",
        option: nil)
    }

  /// Starts all that can be, for a source of `shape`; the others are named with the reason.
  func start(
    for shape: any Architecture
  ) -> (contenders: [PeerContender], skipped: [BenchReport.Skipped]) {
    var contenders: [PeerContender] = []
    var skipped: [BenchReport.Skipped] = []
    for peer in Self.peers {
      do {
        contenders.append(PeerContender(try start(peer, shape)))
      } catch let BenchError.peer(_, reason) {
        skipped.append(BenchReport.Skipped(name: peer.name, reason: reason))
      } catch {
        skipped.append(BenchReport.Skipped(name: peer.name, reason: Failure.line(error)))
      }
    }
    return (contenders, skipped)
  }

  private func start(_ peer: Peer, _ shape: any Architecture) throws -> PeerProcess {
    let python = try python(for: peer.name)
    let model = "\(models)/\(peer.model)"
    let found = try ModelFolder.open(model).architecture()
    guard found.hasShape(of: shape) else {
      throw BenchError.peer(name: peer.name, reason: "\(model) is not the first source's model")
    }
    let arguments = [peer.script, model] + (peer.option.map { [$0] } ?? []) + ["\(threads)"]
    return try start(named: peer.name, python, arguments)
  }

  /// OpenBLAS's builds and kernels, for matrix products alone.
  func startLibraries() -> (libraries: [ProductPeer], skipped: [BenchReport.Skipped]) {
    let builds: [(build: String, core: String?)] = [
      ("system", nil), ("system", "SKYLAKEX"), ("numpy", nil),
    ]
    var libraries: [ProductPeer] = []
    var skipped: [BenchReport.Skipped] = []
    for (build, core) in builds {
      let name = "OpenBLAS (" + [build, core].compactMap(\.self).joined(separator: ", ") + ")"
      do {
        let process = try start(
          named: name, try python(for: name), ["peer_openblas.py", build, "\(threads)"],
          environment: core.map { ["OPENBLAS_CORETYPE": $0] } ?? [:])
        libraries.append(ProductPeer(name: name, process: process))
      } catch let BenchError.peer(_, reason) {
        skipped.append(BenchReport.Skipped(name: name, reason: reason))
      } catch {
        skipped.append(BenchReport.Skipped(name: name, reason: Failure.line(error)))
      }
    }
    return (libraries, skipped)
  }

  private func python(for name: String) throws -> String {
    guard let python else {
      throw BenchError.peer(name: name, reason: "no Python that has it; `make bench` sets one up")
    }
    return python
  }

  private func start(
    named name: String, _ python: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> PeerProcess {
    let script = "\(Self.scripts)/\(arguments[0])"
    guard FileManager.default.fileExists(atPath: script) else {
      throw BenchError.peer(name: name, reason: "no \(script) here: run it in a checkout")
    }
    return try PeerProcess(
      named: name, program: python, arguments: [script] + arguments.dropFirst(),
      environment: environment)
  }
}

extension Architecture {
  /// Whether the two take the same operations, whatever their weights.
  fileprivate func hasShape(of other: any Architecture) -> Bool {
    family == other.family && layerCount == other.layerCount && width == other.width
      && vocabularySize == other.vocabularySize && block(0) == other.block(0)
  }
}
