import Identity

/// What can go wrong with a feature cache: one line that a person can act on.
public enum CacheError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no file.
  case missing(path: String)
  /// A file is there, but it is something else; `found` says what.
  case notACache(path: String, found: String)
  /// Made by a later version of the program.
  case newerSchema(path: String, found: Int, supported: Int)
  /// Made by an earlier version, and can't be migrated before it is read; `reason` says why, and what to do.
  case olderSchema(path: String, found: Int, supported: Int, reason: String)
  /// Holds the states of another source, layer, codec, ...
  case identityMismatch(path: String, differences: [IdentityDifference])
  /// Holds several streams, and none was named.
  case severalStreams(path: String, streams: [String])
  /// Encrypted, and no key was given.
  case keyNeeded(path: String)
  case wrongKey(path: String)
  /// What was given as a key is none; `place` says where from.
  case badKey(place: String)
  /// Another process is writing; `holder` is its id, host and start.
  case writerPresent(path: String, holder: String)
  /// There is a writer's log, and a reader without permission to write here can't use it.
  case unfinished(path: String)
  /// A change was asked of a cache that was opened for reading.
  case openedForReading(path: String, operation: String)
  /// The operating system refused.
  case refused(path: String, operation: String, reason: String)
  case diskFull(path: String, operation: String)
  /// What was purged is gone for everyone, and its bytes may still be in the file or its log.
  case notErased(path: String, reason: String)
  /// Refused before anything is written.
  case wouldNotFit(path: String, needed: Int, available: Int)
  /// A reader, or another program, is in a transaction, which holds the file or its log.
  case busy(path: String, operation: String)
  /// Something stored is not what was stored; `item` names the record or document.
  case damaged(path: String, item: String, reason: String)
  /// Damaged in what every opening reads.
  case unopenable(path: String, item: String, reason: String)
  case notFound(path: String, item: String)
  /// States that can't be stored, named by the text they belong to.
  case unstorable(item: String, reason: String)
  case unknownCodec(name: String, known: [String])
  /// A document or record is here already, and differs.
  case conflict(path: String, item: String, reason: String)
  /// The caller's mistake.
  case invalid(String)
  /// SQLite's own words, for what is none of the above.
  case database(path: String, operation: String, message: String)

  public var description: String {
    switch self {
    case .missing(let path):
      "no cache at \(path): `denju precompute` makes one"
    case .notACache(let path, let found):
      "\(path) is not a feature cache: \(found)"
    case .newerSchema(let path, let found, let supported):
      "\(path) has schema version \(found), and this program knows up to \(supported): use a newer denju"
    case .olderSchema(let path, let found, let supported, let reason):
      "\(path) has schema version \(found), older than \(supported), and can't be migrated now: \(reason)"
    case .identityMismatch(let path, let differences):
      "\(path) holds other states: \(differences.map(\.description).joined(separator: "; "))"
    case .severalStreams(let path, let streams):
      "\(path) holds \(streams.count) streams: \(streams.joined(separator: ", ")): name one with --stream"
    case .keyNeeded(let path):
      "\(path) is encrypted, or to be: give its key in \(CacheKey.variables.key), or its key's file in "
        + CacheKey.variables.file
    case .wrongKey(let path):
      "\(path) is encrypted with another key than \(CacheKey.variables.key) or "
        + "\(CacheKey.variables.file) gives"
    case .badKey(let place):
      "\(place) has no key: 64 hexadecimal digits, as `openssl rand -hex 32` prints them"
    case .writerPresent(let path, let holder):
      "\(path) is being written by \(holder): wait until that ends, or stop it"
    case .unfinished(let path):
      "\(path) is being written, or its last writer was killed: wait for that, or run "
        + "`denju cache compact \(path)` as the file's owner; then it can be read without permission to write"
    case .openedForReading(let path, let operation):
      "can't \(operation): \(path) was opened for reading"
    case .refused(let path, let operation, let reason):
      "can't \(operation) \(path): \(reason)"
    case .diskFull(let path, let operation):
      "the disk is full: can't \(operation) in \(path); what was there before is intact: free space and run again"
    case .notErased(let path, let reason):
      "\(path): what was purged is gone, but its bytes may be in the file until "
        + "`denju cache compact \(path)` succeeds, which did not now: \(reason)"
    case .wouldNotFit(let path, let needed, let available):
      "\(path) would need \(formatted(bytes: needed)) more, and its disk has \(formatted(bytes: available)): "
        + "free space, or choose a smaller codec or corpus"
    case .busy(let path, let operation):
      "can't \(operation): a reader or another program has \(path) open: close it and try again"
    case .damaged(let path, let item, let reason):
      "\(path) is damaged: \(item): \(reason); `denju cache verify` lists all damage"
    case .unopenable(let path, let item, let reason):
      "\(path) is damaged: \(item): \(reason); nothing in it can be read: restore it from a copy, or delete it "
        + "and run `denju precompute` again"
    case .notFound(let path, let item):
      "\(path) has no \(item)"
    case .unstorable(let item, let reason):
      "the states of \(item) can't be stored: \(reason)"
    case .unknownCodec(let name, let known):
      "no codec is named `\(name)`: there are \(known.joined(separator: ", "))"
    case .conflict(let path, let item, let reason):
      "\(path) has \(item) already, and it differs: \(reason)"
    case .invalid(let what):
      what
    case .database(let path, let operation, let message):
      "can't \(operation) in \(path): \(message)"
    }
  }
}

/// As "12.3 GB".
private func formatted(bytes: Int) -> String {
  let units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
  var value = Double(bytes)
  var unit = 0
  while value >= 1000 && unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  let tenths = (value * 10).rounded() / 10
  return unit == 0 ? "\(bytes) bytes" : "\(tenths) \(units[unit])"
}
