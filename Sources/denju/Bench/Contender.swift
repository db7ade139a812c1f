import KnowledgeSource
import ModelFiles
import Numerics

/// One that runs a workload's documents and is timed.
protocol Contender {
  var name: String { get }
  var isOurs: Bool { get }

  /// Makes ready for a workload: warms up and chooses settings. Says what it chose, if it had a
  /// choice.
  func prepare(_ workload: Workload) throws -> String?

  /// Seconds from the first document's ids to the last one's states.
  func seconds(_ workload: Workload) throws -> Double
}

/// Denju's own source in one precision.
struct OwnContender: Contender {
  let name: String
  let isOurs = true
  private let source: DecoderSource

  init(_ folder: ModelFolder, _ precision: Precision) throws {
    name = Self.name(precision)
    source = try DecoderSource(folder, precision: precision)
  }

  static func name(_ precision: Precision) -> String { "Denju \(precision.rawValue)" }

  func prepare(_ workload: Workload) throws -> String? {
    _ = try seconds(workload)
    return nil
  }

  func seconds(_ workload: Workload) throws -> Double {
    let states = FloatBuffer(count: workload.tokens * source.width)
    let began = ContinuousClock.now
    try source.states(batch: workload.documents, layer: source.layerCount, into: states.base)
    return (ContinuousClock.now - began).inSeconds
  }
}
