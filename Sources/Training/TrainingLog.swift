import Foundation
import ModelFiles

/// The log of a run, `log.csv`: a line a step, and the validation loss where it was measured.
///
/// Its columns: `step`, `epoch`, `loss` (nats a token, of the step's batch), `learning_rate_bridge`,
/// `learning_rate_generator`, `gradient_norm` (before clipping), `tokens_per_second`, `validation_loss`
/// (empty but at an epoch's end), a `gate_I` a layer (the mean gate), and where several streams are read a
/// `scale_I_S` a layer and stream (what its values are multiplied by).
public struct TrainingLog {
  public struct Entry: Equatable, Sendable {
    public var step: Int
    public var epoch: Int
    public var loss: Double
    public var bridgeRate: Double
    public var generatorRate: Double
    public var gradientNorm: Double
    public var tokensPerSecond: Double
    public var validationLoss: Double?
    public var gates: [Double]
    /// [layer][stream]
    public var streamScales: [[Double]] = []
  }

  private let path: String

  /// Opens the log for going on after `step`, without the lines of later steps, which a killed run may
  /// have left; `step` 0 begins a new one.
  init(path: String, after step: Int, gates: Int, streams: Int = 1) throws(TrainingError) {
    self.path = path
    var lines: [Substring] = [Substring(Self.header(gates: gates, streams: streams))]
    if step > 0, let old = try? String(contentsOfFile: path, encoding: .utf8) {
      lines += old.split(separator: "\n").dropFirst().filter { line in
        line.split(separator: ",", maxSplits: 1).first.flatMap { Int($0) }.map { $0 <= step }
          ?? false
      }
    }
    do throws(ModelFileError) {
      let replacement = try FileReplacement(path: path)
      try replacement.append(Array((lines.joined(separator: "\n") + "\n").utf8))
      try replacement.commit()
    } catch {
      guard case .unwritable(_, let reason) = error else {
        throw .unwritable(path: path, reason: "\(error)")
      }
      throw .unwritable(path: path, reason: reason)
    }
  }

  func append(_ entry: Entry) throws(TrainingError) {
    do {
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      defer { try? file.close() }
      try file.seekToEnd()
      try file.write(contentsOf: Data((Self.line(entry) + "\n").utf8))
    } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
  }

  private static func header(gates: Int, streams: Int) -> String {
    let scales =
      streams == 1
      ? [] : (0..<gates).flatMap { layer in (1...streams).map { "scale_\(layer)_\($0)" } }
    return
      ([

        "step", "epoch", "loss", "learning_rate_bridge", "learning_rate_generator", "gradient_norm",
        "tokens_per_second", "validation_loss",
      ] + (0..<gates).map { "gate_\($0)" } + scales).joined(separator: ",")
  }

  private static func line(_ entry: Entry) -> String {
    func number(_ value: Double, _ format: String) -> String { String(format: format, value) }
    return
      ([
        "\(entry.step)", "\(entry.epoch)", number(entry.loss, "%.6f"),
        number(entry.bridgeRate, "%.6g"), number(entry.generatorRate, "%.6g"),
        number(entry.gradientNorm, "%.6g"), number(entry.tokensPerSecond, "%.1f"),
        entry.validationLoss.map { number($0, "%.6f") } ?? "",
      ] + (entry.gates + entry.streamScales.joined()).map { number($0, "%.4f") })
      .joined(separator: ",")
  }
}
