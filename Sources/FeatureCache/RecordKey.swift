import Crypto
import Identity

/// Names a record by what determines its values: the stream, the token ids of the records before
/// it, and its own; of states that depend on the whole document, all ids of that (see `StateScope`).
public struct RecordKey: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  let bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The key of the record of `ids` in a stream, after the record `parent`, or at the start of a
  /// text of causal states. In an encrypted cache it is hashed with a secret.
  init(stream: [UInt8], parent: RecordKey?, ids: ArraySlice<Int32>, secret: SymmetricKey?) {
    var hash = FramedHash("denju record 1", key: secret)
    hash.add(stream)
    hash.add(parent?.bytes ?? [])
    hash.add(TokenIDs.bytes(ids))
    bytes = hash.finalize()
  }

  /// The key of the first record of a text whose states depend on all of its `ids`.
  init(stream: [UInt8], document ids: [Int32], secret: SymmetricKey?) {
    var hash = FramedHash("denju document record 1", key: secret)
    hash.add(stream)
    hash.add(TokenIDs.bytes(ids))
    bytes = hash.finalize()
  }

  public var description: String {
    hexadecimal(bytes)
  }
}

/// One record of a text: its key, that of the record before, and its tokens' positions in the text.
public struct ChainLink: Equatable, Sendable {
  public let key: RecordKey
  /// nil at the start of the text.
  public let parent: RecordKey?
  public let range: Range<Int>
}

/// A text's token ids cut into the records of a stream: from the text's start, `chunkTokens` a
/// record, the last one shorter where the text ends.
struct Chain: Sequence {
  let stream: [UInt8]
  let chunkTokens: Int
  let ids: [Int32]
  let scope: StateScope
  let secret: SymmetricKey?

  /// Each link costs one hash, when it is asked for.
  func makeIterator() -> AnyIterator<ChainLink> {
    var start = 0
    var parent: RecordKey?
    return AnyIterator {
      guard start < ids.count else { return nil }
      let range = start..<Swift.min(start + chunkTokens, ids.count)
      let key =
        scope == .document && parent == nil
        ? RecordKey(stream: stream, document: ids, secret: secret)
        : RecordKey(stream: stream, parent: parent, ids: ids[range], secret: secret)
      let link = ChainLink(key: key, parent: parent, range: range)
      start = range.upperBound
      parent = link.key
      return link
    }
  }
}
