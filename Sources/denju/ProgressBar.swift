import Foundation
import Numerics

/// How far long work has come: a bar on a terminal, a line now and then elsewhere.
///
/// For one thread.
final class ProgressBar {
  private let title: String
  private let unit: String
  private let began = ContinuousClock.now
  private var shown: ContinuousClock.Instant?
  /// The last line of all is shown once.
  private var isEnded = false
  /// Seconds between two lines where there is no terminal, and between two frames where there is.
  private static let pause: (line: Double, frame: Double) = (15, 0.1)

  init(_ title: String, unit: String) {
    self.title = title
    self.unit = unit
  }

  /// - Parameters:
  ///   - done, total: units; a total of 0 is unknown.
  ///   - rate: what else to say, as "812 tokens/s".
  func update(_ done: Int, of total: Int, _ detail: String = "") {
    if isEnded { return }
    isEnded = total > 0 && done >= total
    let now = ContinuousClock.now
    let wait = Terminal.errorsAreShown ? Self.pause.frame : Self.pause.line
    if let shown, now - shown < .seconds(wait), done < total { return }
    if shown == nil && !Terminal.errorsAreShown && done < total {
      shown = now
      return
    }
    shown = now
    let seconds = (now - began).inSeconds
    var text = "\(title): \(done)\(total > 0 ? " of \(total)" : "") \(unit)"
    if !detail.isEmpty { text += ", \(detail)" }
    if total > done && done > 0 {
      text += ", \(Self.duration(seconds * Double(total - done) / Double(done))) left"
    }
    if Terminal.errorsAreShown {
      let filled = total > 0 ? 24 * min(done, total) / total : 0
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
      Terminal.display("\r\u{1B}[K\(bar) \(text)" + (done >= total ? "\n" : ""))
    } else {
      Terminal.message(text)
    }
  }

  /// A time as one says it: "1 h 04 min", "3 min 20 s" or "8 s".
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown time" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) min" }
    if whole >= 60 { return "\(whole / 60) min \(String(format: "%02d", whole % 60)) s" }
    return "\(whole) s"
  }

  /// A size in the unit that fits it, as "14.3 MB".
  static func bytes(_ count: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(count), 0)
    while value >= 1000 && unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) bytes" : String(format: "%.1f %@", value, units[unit])
  }
}
