import Foundation
import Probing

extension ProbeReport {
  /// The readings, the best at the top, and under them what needs no states.
  var table: String {
    var table = TextTable([
      "stream", "source", "layer", "scope", "codec", "reads", "bytes/token", "bytes/prompt",
      "accuracy", "95% interval", "C", "held out", "seconds",
    ])
    for reading in readings {
      let bytes = [reading.bytesPerToken, reading.bytesPerPrompt].map {
        String(format: "%.0f", $0)
      }
      table.add(
        reading.origin + [reading.feature] + bytes + reading.score.cells
          + cells(reading.strength, reading.crossValidated, reading.seconds))
    }
    for baseline in baselines {
      let name = baseline.name + (baseline.source.map { " of \($0)" } ?? "")
      table.add(
        ["-", name, "-", "-", "-", "-", "-", "-"] + baseline.score.cells
          + cells(baseline.strength, baseline.crossValidated, baseline.seconds))
    }
    return table.text
  }

  private func cells(_ strength: Double?, _ accuracy: Double?, _ seconds: Double?) -> [String] {
    [
      strength.map { String(format: "%g", $0) } ?? "-",
      accuracy.map { String(format: "%.3f", $0) } ?? "-",
      seconds.map { String(format: "%.1f", $0) } ?? "-",
    ]
  }

  /// What was asked, what is to be known about it, and the decision in words.
  var remarks: [String] {
    let why = question.reason.map { " (\($0))" } ?? ""
    let whose = question.tokenizer.map { " of \($0)" } ?? ""
    var lines = [
      "target: \(question.target)\(whose)\(why), \(question.classes) classes in \(question.trainingRows) "
        + "training rows, scored on \(question.scoredRows) of \(question.set); the commonest: "
        + Self.shortened(question.commonest),
      "accuracy is that of the scored rows, with Wilson's interval; held out, that of training rows in "
        + "cross-validation, which chose C",
    ]
    if question.unknownAnswers > 0 {
      lines.append(
        "no training row has the answer of \(question.unknownAnswers) scored rows: wrong in every line"
      )
    }
    if question.lackingRows > 0 {
      lines.append("left out of all: \(question.lackingRows) rows that one of the streams lacks")
    }
    return lines + [decision]
  }

  /// A label, which may be of any length and of any characters.
  private static func shortened(_ label: String) -> String {
    String(label.count > 60 ? label.prefix(60) + "..." : label[...]).printable
  }

  private var decision: String {
    guard let best, let cheapest else { return "" }
    var text = "best: \(best.name), \(best.score.text)"
    if let other = bestBaseline {
      text += String(format: ", where the best without states has %.3f", other.score.accuracy)
      if other.score.accuracy >= best.score.interval.lower {
        text += ", which is within the interval: reading adds nothing that these rows can show"
      }
    }
    if cheapest == best { return text + "; none within its interval is cheaper" }
    return text
      + String(
        format: "; cheapest within its interval: %@, %.3f at %.0f bytes a prompt instead of %.0f",
        cheapest.name, cheapest.score.accuracy, cheapest.bytesPerPrompt, best.bytesPerPrompt)
  }
}

extension ProbeReport.Stream {
  fileprivate var layerName: String { "\(layer)\(normalized ? " normed" : "")" }
}

extension ProbeReport.Score {
  fileprivate var cells: [String] {
    [
      String(format: "%.3f", accuracy),
      String(format: "[%.3f, %.3f]", interval.lower, interval.upper),
    ]
  }

  fileprivate var text: String { cells.joined(separator: " ") }
}

extension ProbeReport.Reading {
  /// The number, source, layer, scope and codec of the stream; of a pair the numbers, whose rows say the rest.
  fileprivate var origin: [String] {
    if streams.count == 1, let stream = streams.first {
      return ["\(stream.number)", stream.source, stream.layerName, stream.scope, stream.codec]
    }
    return [streams.map { "\($0.number)" }.joined(separator: " + "), "", "", "", ""]
  }

  /// As "mean of stream 1 (all-minilm-l6-v2, layer 6)".
  fileprivate var name: String {
    let read = streams.map { "\($0.number) (\($0.source), layer \($0.layerName))" }
    return "\(feature) of stream\(streams.count > 1 ? "s" : "") \(read.joined(separator: " and "))"
  }
}
