import Foundation
import GRDB

/// Reads the columns of a row in order, and takes none on trust: a column of another type than the
/// schema's, as a damaged file may have, is an error that names the row.
struct RowReader {
  private let row: Row
  private let path: String
  private let item: () -> String
  private var column = 0

  /// - Parameter item: what to call the row in an error; asked for only then.
  init(_ row: Row, path: String, item: @autoclosure @escaping () -> String) {
    self.row = row
    self.path = path
    self.item = item
  }

  mutating func integer() throws(CacheError) -> Int {
    guard case .int64(let value) = next() else { throw damaged("an integer") }
    return Int(value)
  }

  mutating func optionalInteger() throws(CacheError) -> Int? {
    switch next() {
    case .int64(let value): return Int(value)
    case .null: return nil
    default: throw damaged("an integer")
    }
  }

  mutating func real() throws(CacheError) -> Double {
    switch next() {
    case .double(let value): return value
    case .int64(let value): return Double(value)
    default: throw damaged("a number")
    }
  }

  mutating func data() throws(CacheError) -> Data {
    guard case .blob(let value) = next() else { throw damaged("a blob") }
    return value
  }

  mutating func optionalData() throws(CacheError) -> Data? {
    switch next() {
    case .blob(let value): return value
    case .null: return nil
    default: throw damaged("a blob")
    }
  }

  mutating func bytes() throws(CacheError) -> [UInt8] {
    Array(try data())
  }

  /// Short text of the program's own, as a codec's name. Text from outside may hold zero bytes, and
  /// is read by `CAST(... AS BLOB)` and `bytes`.
  mutating func text() throws(CacheError) -> String {
    guard case .string(let value) = next() else { throw damaged("text") }
    return value
  }

  mutating func optionalText() throws(CacheError) -> String? {
    switch next() {
    case .string(let value): return value
    case .null: return nil
    default: throw damaged("text")
    }
  }

  private mutating func next() -> DatabaseValue.Storage {
    guard column < row.count else { return .null }
    let value: DatabaseValue = row[column]
    column += 1
    return value.storage
  }

  private func damaged(_ expected: String) -> CacheError {
    .damaged(path: path, item: item(), reason: "its column \(column) is not \(expected)")
  }
}
