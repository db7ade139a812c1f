/// Which tokens of its text a state depends on: what its source sees.
///
/// It decides what a record's key has to include, and so which texts can share records:
///
///     causal      key of record i = hash(stream, key of record i - 1, the record's own ids)
///     document    key of record 0 = hash(stream, all ids of the text); then as above
///
/// Two texts that begin alike share records of causal states. Of the states of whole documents every
/// record's key includes every id of its text, by way of the first record's: neither a longer text nor a
/// shorter one ever finds them.
public enum StateScope: String, CaseIterable, Codable, Sendable {
  /// The tokens up to its own, as a decoder's.
  case causal
  /// All tokens of the text, those after its own too, as an encoder's.
  case document

  /// What a stream of such states is called in its row.
  package var kind: String {
    switch self {
    case .causal: "states"
    case .document: "document states"
    }
  }

  package init?(kind: String) {
    guard let scope = Self.allCases.first(where: { $0.kind == kind }) else { return nil }
    self = scope
  }
}
