import Foundation
import Testing

/// The built program, run as a user runs it.
package enum Program {
  /// It lies beside the tests, in the build's folder.
  package static let path: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    return URL(fileURLWithPath: own ?? CommandLine.arguments[0])
      .deletingLastPathComponent().appendingPathComponent("denju").path
  }()

  /// How a run ended, and what it said.
  package struct Outcome {
    package let arguments: [String]
    /// 128 and the signal's number where a signal ended it, as a shell says it.
    package let status: Int32
    package let output: String
    package let errors: String

    package var errorLines: [Substring] { errors.split(separator: "\n") }
  }
}

/// A program under way, its output going to files. It is killed when nothing holds it any more.
package final class RunningProgram {
  private let arguments: [String]
  private let process: pid_t
  private let folder: String
  private var status: Int32?

  /// Starts a program in `folder` with every signal as it is by default, whatever this thread blocks.
  ///
  /// - Parameter environment: what is set besides this process's own, as "NAME=VALUE".
  package init(
    _ executable: String, _ arguments: [String], in folder: String, environment: [String] = []
  ) throws {
    self.arguments = arguments
    self.folder = folder + "/output-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    for (descriptor, name) in [(STDOUT_FILENO, "stdout"), (STDERR_FILENO, "stderr")] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, self.folder + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    // `env` goes to the folder and becomes the program.
    var words: [UnsafeMutablePointer<CChar>?] =
      (["env", "-C", folder] + environment + [executable] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process = pid_t()
    let failure = posix_spawn(&process, "/usr/bin/env", &actions, &attributes, words, environ)
    guard failure == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .ENOENT)
    }
    self.process = process
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      _ = wait()
    }
  }

  /// False when the program has ended already.
  @discardableResult
  package func send(_ signal: Int32) -> Bool {
    poll()
    return status == nil && kill(process, signal) == 0
  }

  package var hasEnded: Bool {
    poll()
    return status != nil
  }

  package func wait() -> Program.Outcome {
    while status == nil {
      var code: Int32 = 0
      if waitpid(process, &code, 0) == process { status = Self.shellStatus(code) }
    }
    return Program.Outcome(
      arguments: arguments, status: status ?? -1, output: text("stdout"), errors: text("stderr"))
  }

  /// What it has written so far to `stdout` or `stderr`.
  package func text(_ name: String) -> String {
    String(
      decoding: FileManager.default.contents(atPath: folder + "/" + name) ?? Data(), as: UTF8.self)
  }

  /// Waits until `condition` holds or the program ends.
  package func waitUntil(_ condition: () -> Bool) {
    while !condition(), !hasEnded { usleep(1000) }
  }

  private func poll() {
    guard status == nil else { return }
    var code: Int32 = 0
    if waitpid(process, &code, WNOHANG) == process { status = Self.shellStatus(code) }
  }

  private static func shellStatus(_ code: Int32) -> Int32 {
    let signal = code & 0x7F
    return signal == 0 ? (code >> 8) & 0xFF : 128 + signal
  }
}

/// The command failed as it should: this status, and one line on stderr that has all the words.
package func expectRefusal(
  _ outcome: Program.Outcome, status: Int32 = 1, _ words: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let command = Comment(rawValue: outcome.arguments.joined(separator: " ") + "\n" + outcome.errors)
  #expect(outcome.status == status, command, sourceLocation: sourceLocation)
  #expect(outcome.errorLines.count == 1, command, sourceLocation: sourceLocation)
  for word in words {
    #expect(
      outcome.errors.contains(word), "\(word) is not in: \(command)", sourceLocation: sourceLocation
    )
  }
}

/// The command succeeded.
@discardableResult
package func expectSuccess(
  _ outcome: Program.Outcome, sourceLocation: SourceLocation = #_sourceLocation
) -> Program.Outcome {
  let command = Comment(rawValue: outcome.arguments.joined(separator: " ") + "\n" + outcome.errors)
  #expect(outcome.status == 0, command, sourceLocation: sourceLocation)
  return outcome
}
