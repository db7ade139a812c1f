import Foundation
import Numerics
import Precompute

/// Codecs as points: bytes a token to the right, added loss upwards, both on logarithmic axes.
struct RateDistortionPicture {
  private let points: [(name: String, bytes: Double, loss: Double, error: Double)]
  private let title: String

  private static let size = (width: 720.0, height: 480.0)
  private static let margin = (left: 80.0, right: 190.0, top: 48.0, bottom: 56.0)
  /// What is less, or below nothing by chance, lies on the axis.
  private static let leastLoss = 1e-4
  private static let ink = "steelblue"
  /// A letter's width, about, and a line's height.
  private static let (letterWidth, lineHeight) = (7.0, 14.0)

  /// What DistillKit's stored top-k logits take: the other way to keep what a source knows.
  private static let logits = (least: 114.0, most: 300.0)

  init(_ comparison: CodecComparison) {
    points = comparison.arms.map {
      (Self.label($0), $0.bytesPerToken, $0.added.mean, 1.96 * ($0.added.standardError ?? 0))
    }
    title =
      "Layer \(comparison.layer), \(comparison.tokens) tokens: bytes a token and added loss (95%)"
  }

  /// The codec without its fit's digits, and the answers that it leaves.
  private static func label(_ arm: CodecComparison.Arm) -> String {
    let name = arm.codec.split(separator: ":").prefix(2).joined(separator: ":")
    guard let answers = arm.answers else { return name }
    return name
      + String(
        format: ", %.0f%% of answers", 100 * Double(answers.unchanged) / Double(answers.documents))
  }

  private var bytes: (least: Double, most: Double) {
    let values = points.map(\.bytes) + [Self.logits.least, Self.logits.most]
    return (
      pow(10, floor(log10(max(values.min() ?? 1, 1)))), pow(10, ceil(log10(values.max() ?? 10)))
    )
  }

  private var losses: (least: Double, most: Double) {
    let most = points.map { $0.loss + $0.error }.max() ?? 1
    return (Self.leastLoss, pow(10, ceil(log10(max(most, 1e-2)))))
  }

  private func x(_ value: Double) -> Double {
    let (least, most) = bytes
    let share = log10(value / least) / max(log10(most / least), 1e-9)
    return Self.margin.left + share * (Self.size.width - Self.margin.left - Self.margin.right)
  }

  private func y(_ value: Double) -> Double {
    let (least, most) = losses
    let share = log10(max(value, least) / least) / log10(most / least)
    let height = Self.size.height - Self.margin.top - Self.margin.bottom
    return Self.size.height - Self.margin.bottom - share * height
  }

  var svg: String {
    var lines = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" width="720" height="480" viewBox="0 0 720 480" \
      font-family="sans-serif" font-size="12">
      """,
      #"<rect width="720" height="480" fill="white"/>"#,
      text(Self.margin.left, 24, title, "start"),
    ]
    let (least, most) = (x(Self.logits.least), x(Self.logits.most))
    let height = Self.size.height - Self.margin.top - Self.margin.bottom
    lines.append(
      #"<rect x="\#(number(least))" y="\#(number(Self.margin.top))" "#
        + #"width="\#(number(most - least))" height="\#(number(height))" fill="whitesmoke"/>"#)
    lines.append(
      text((least + most) / 2, Self.margin.top + 14, "DistillKit's top-k logits", "middle"))
    for value in decades(bytes) {
      lines.append(line(x(value), Self.margin.top, x(value), Self.size.height - Self.margin.bottom))
      lines.append(
        text(
          x(value), Self.size.height - Self.margin.bottom + 20, String(format: "%g", value),
          "middle"))
    }
    for value in decades(losses) {
      lines.append(line(Self.margin.left, y(value), Self.size.width - Self.margin.right, y(value)))
      lines.append(text(Self.margin.left - 8, y(value) + 4, String(format: "%g", value), "end"))
    }
    lines.append(text(320, Self.size.height - 12, "bytes a token", "middle"))
    var labels: [(x: Double, y: Double, width: Double)] = []
    for point in points {
      let (px, low, high) = (
        x(point.bytes), y(point.loss - point.error), y(point.loss + point.error)
      )
      lines.append(line(px, low, px, high, color: Self.ink))
      lines.append(
        #"<circle cx="\#(number(px))" cy="\#(number(y(point.loss)))" r="4" fill="\#(Self.ink)"/>"#)
      // Above those that it would lie on.
      var label = (
        x: px + 8, y: y(point.loss) - 6, width: Self.letterWidth * Double(point.name.count)
      )
      while labels.contains(where: { overlap(label, $0) }) { label.y -= Self.lineHeight }
      labels.append(label)
      lines.append(text(label.x, label.y, point.name, "start"))
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private func overlap(
    _ one: (x: Double, y: Double, width: Double), _ other: (x: Double, y: Double, width: Double)
  ) -> Bool {
    abs(one.y - other.y) < Self.lineHeight && one.x < other.x + other.width
      && other.x < one.x + one.width
  }

  private func decades(_ range: (least: Double, most: Double)) -> [Double] {
    let first = Int(log10(range.least).rounded())
    let last = Int(log10(range.most).rounded())
    return (first...max(first, last)).map { pow(10, Double($0)) }
  }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String = "gainsboro"
  ) -> String {
    #"<line x1="\#(number(x1))" y1="\#(number(y1))" x2="\#(number(x2))" y2="\#(number(y2))" stroke="\#(color)"/>"#
  }

  private func text(_ x: Double, _ y: Double, _ text: String, _ anchor: String) -> String {
    let escaped = text.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;")
    return #"<text x="\#(number(x))" y="\#(number(y))" text-anchor="\#(anchor)">\#(escaped)</text>"#
  }
}
