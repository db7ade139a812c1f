import Foundation
import GRDB

extension CacheError {
  /// The case that says what `error`, thrown in doing `operation`, means to a person.
  init(_ error: any Error, path: String, operation: String) {
    switch error {
    case let error as CacheError:
      self = error
    case let error as DatabaseError:
      self.init(error, path: path, operation: operation)
    default:
      self = .database(path: path, operation: operation, message: "\(error)")
    }
  }

  /// Damage that is met in opening the file is nothing that `verify`, which opens it too, could tell more of.
  var inOpening: CacheError {
    guard case .damaged(let path, let item, let reason) = self else { return self }
    return .unopenable(path: path, item: item, reason: reason)
  }

  private init(_ error: DatabaseError, path: String, operation: String) {
    let message = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_FULL:
      self = .diskFull(path: path, operation: operation)
    case .SQLITE_IOERR where DiskSpace.isExhausted(at: path):
      // A write that meets the end of the disk in the -wal or -shm file is an I/O error to SQLite.
      self = .diskFull(path: path, operation: operation)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self = .busy(path: path, operation: operation)
    case .SQLITE_NOTADB:
      self = .notACache(path: path, found: "not an SQLite file")
    case .SQLITE_CORRUPT:
      self = .damaged(path: path, item: "the file", reason: message)
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
      self = .refused(path: path, operation: operation, reason: "no permission to write")
    case .SQLITE_CANTOPEN:
      self = .refused(
        path: path, operation: operation, reason: "the file or its folder can't be opened")
    default:
      self = .database(path: path, operation: operation, message: message)
    }
  }
}
