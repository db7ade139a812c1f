import Foundation
import TestSupport
import Testing

/// A cache or a run that can't be used: one clear line and status 1.
@Suite struct BadCacheTests {
  static let hasShell = FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")

  @Test(.enabled(if: hasShell, "needs /usr/bin/sqlite3"))
  func `a newer schema`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let shell = try RunningProgram(
      "/usr/bin/sqlite3", [workshop.cache, "pragma user_version = 99"], in: workshop.folder
    ).wait()
    #expect(shell.status == 0)
    let before = try workshop.bytes("cache.sqlite")
    for arguments in [
      workshop.precomputing(), workshop.training("other"), ["cache", "stats", "cache.sqlite"],
      ["cache", "compact", "cache.sqlite"], ["evaluate", "--run", "run"],
      ["generate", "--run", "run", Workshop.cachedPrompt],
    ] {
      expectRefusal(try workshop.denju(arguments), "cache.sqlite", "99")
    }
    #expect(try workshop.bytes("cache.sqlite") == before)
  }

  @Test func `no cache, and files that are none`() throws {
    let workshop = try Workshop()
    expectRefusal(try workshop.denju(workshop.training("run")), "cache.sqlite")
    for text in ["", "not a database at all, but some text\n", "SQLite format 3\0garbage"] {
      try workshop.write("cache.sqlite", text)
      expectRefusal(try workshop.denju(workshop.training("run")), "cache.sqlite")
      expectRefusal(try workshop.denju("cache", "stats", "cache.sqlite"), "cache.sqlite")
      #expect(!FileManager.default.fileExists(atPath: workshop.path("run")))
      if !text.isEmpty {
        expectRefusal(try workshop.denju(workshop.precomputing()), "cache.sqlite")
        #expect(try workshop.bytes("cache.sqlite") == Data(text.utf8))
      }
    }
  }

  @Test func `a truncated cache`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let whole = try workshop.bytes("cache.sqlite")
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: workshop.cache))
    expectRefusal(try workshop.denju(workshop.training("run")), "cache.sqlite")
  }

  @Test func `options that training refuses`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    func refuse(_ words: String..., status: Int32 = 1, flags: [String]) throws {
      let outcome = try workshop.denju(workshop.training("run") + flags)
      expectRefusal(outcome, status: status)
      for word in words {
        #expect(outcome.errors.contains(word), "\(word) is not in: \(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: workshop.path("run/last")))
    }
    try refuse("loss", "response", flags: ["--loss", "all"])
    try refuse("precompute", flags: ["--conditioning", "aligned"])
    try refuse("heads", flags: ["--heads", "5"])
    try refuse("positions", flags: ["--positions", "4"])
    try refuse("epochs", flags: ["--epochs", "0"])
    try refuse("learning", flags: ["--learning-rate=-1"])
    try refuse("nowhere", flags: ["--from", "nowhere"])
  }

  @Test func `a run that is not there, and damaged checkpoints`() throws {
    let workshop = try Workshop()
    expectRefusal(try workshop.denju("generate", "--run", "run", "x"), "run")
    expectRefusal(try workshop.denju("evaluate", "--run", "run"), "run")
    expectRefusal(try workshop.denju("serve", "--run", "run", "--port", "0"), "run")
    try workshop.prepare()
    for (name, keep) in [
      ("best/model.safetensors", 1000), ("best/config.json", 10), ("run.json", 10),
      ("source-tokenizer", 10),
    ] {
      let path = "run/" + name
      guard FileManager.default.fileExists(atPath: workshop.path(path)) else {
        #expect(name == "source-tokenizer")
        continue
      }
      let whole = try workshop.bytes(path)
      try whole.prefix(keep).write(to: URL(fileURLWithPath: workshop.path(path)))
      expectRefusal(try workshop.denju("generate", "--run", "run", Workshop.cachedPrompt), "run")
      try whole.write(to: URL(fileURLWithPath: workshop.path(path)))
    }
    for name in ["last/model.safetensors", "last/optimizer.safetensors", "last/training.json"] {
      let whole = try workshop.bytes("run/" + name)
      try whole.prefix(40).write(to: URL(fileURLWithPath: workshop.path("run/" + name)))
      expectRefusal(try workshop.denju(workshop.training("run", "--resume")), "last")
      try whole.write(to: URL(fileURLWithPath: workshop.path("run/" + name)))
    }
    expectSuccess(try workshop.denju("generate", "--run", "run", Workshop.cachedPrompt))
  }

  @Test func `wrong use is 64`() throws {
    let workshop = try Workshop()
    for arguments in [
      ["train"], ["nonsense"], ["generate", "--run"], ["train", "--epochs", "many"],
      ["precompute", "--source", "source", "--cache", "c", "--too-long", "perhaps"],
      ["cache", "stats", "c", "--view", "nonsense"], ["generate", "--run", "run"],
    ] {
      #expect(try workshop.denju(arguments).status == 64, "\(arguments)")
    }
    #expect(try workshop.denju("--help").status == 0)
    #expect(try workshop.denju("--version").status == 0)
  }
}
