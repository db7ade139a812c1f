/// How words become tokens: a vocabulary, and a way to choose among it.
protocol TokenModel: Sendable {
  associatedtype Encoder: WordEncoder

  /// By id, UTF-8; no two are equal. Nil where only an added token is.
  var spellings: [[UInt8]?] { get }

  /// The bytes that no token stands for and that encoding leaves out.
  var missingBytes: [UInt8] { get }

  func makeEncoder() -> Encoder

  /// The piece that a token of this spelling is.
  func piece(of spelling: [UInt8]) -> [UInt8]

  /// Whether all of `text`, which is normalised, has tokens.
  func canEncode(_ text: [UInt8], words: any PreTokenizer) -> Bool

  /// Writes what the model has beside its vocabulary into the serialized form.
  func writeSettings(_ writer: inout CanonicalJSON)

  /// Writes the vocabulary, and what is as long as it is.
  func writeVocabulary(_ writer: inout CanonicalJSON)

  /// Writes the members of the `model` section of a `tokenizer.json`. False where none is written.
  ///
  /// - Parameter vocabulary: the tokens that the section lists, with their ids.
  func writeHuggingFace(
    _ writer: inout CanonicalJSON, vocabulary: [(spelling: [UInt8], id: Int32)]
  ) -> Bool
}

extension TokenModel {
  func writeHuggingFace(
    _ writer: inout CanonicalJSON, vocabulary: [(spelling: [UInt8], id: Int32)]
  ) -> Bool {
    false
  }
}

extension CanonicalJSON {
  /// A member that is an object of tokens and their ids.
  mutating func member(_ key: String, vocabulary: [(spelling: [UInt8], id: Int32)]) {
    self.key(key)
    open("{")
    for (spelling, id) in vocabulary { member(String(decoding: spelling, as: UTF8.self), id) }
    close("}")
  }

  /// A member that is an array of merges, each the spellings of the two tokens it joins.
  mutating func member(_ key: String, merges: [MergeTable.Merge], of spellings: [[UInt8]?]) {
    self.key(key)
    list(merges) { writer, merge in
      writer.list([merge.left, merge.right]) { $0.value(spellings[Int($1)]) }
    }
  }
}

/// A model at work, with the room that it needs for it.
protocol WordEncoder {
  /// The steps taken so far, to be bounded by a test where a clock would flicker.
  var stepCount: Int { get }

  /// Appends the ids of the words of `text`, normalised UTF-8 without added tokens.
  mutating func encode(_ text: [UInt8], words: any PreTokenizer, into ids: inout [Int32])
}

/// What a file says of a model, before the parts of it are held against each other.
protocol TokenModelSection: Sendable {
  /// The tokens that the file lists, in any order.
  var listed: [(spelling: [UInt8], id: Int64)] { get }

  /// The model over `vocabulary`, which is what is listed by id; `added` are by id too. Files
  /// that tokenize alike give models that write the same.
  func model(
    over vocabulary: Vocabulary, added: [AddedToken], file: String
  ) throws(TokenizerError) -> any TokenModel
}
