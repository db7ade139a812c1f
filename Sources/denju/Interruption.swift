import ArgumentParser
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM ask long work to stop at its next safe point; a second one stops at once.
enum Interruption {
  private static let asked = Atomic<Bool>(false)

  /// Whether a signal has come since `watch`.
  static var isAsked: Bool { asked.load(ordering: .relaxed) }

  /// Begins to catch the signals. The handler only sets a flag and puts the default action back,
  /// which a signal handler may do.
  static func watch() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.asked.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// Ends work that has nothing to keep, once a signal has come.
  static func check() throws {
    if isAsked { throw ExitCode(exitStatus) }
  }

  /// Leaves the signals to another, as to a server that ends its requests first.
  static func release() {
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  /// What a shell expects of a program that Ctrl-C ended.
  static let exitStatus: Int32 = 130
}
