import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenization

/// Vocabularies of Llama 2, Llama 3 and Phi-3 as GGUF files, against llama.cpp's texts and ids.
@Suite(
  .enabled(if: TestVectors.hasVocabularies, "needs ../shared/tokenizers/gguf"))
struct PublishedVocabularyTests {
  struct Published: CustomTestStringConvertible, Sendable {
    let name: String
    let size: Int
    let begin: Int32
    let ends: Set<Int32>

    var testDescription: String { name }

    func tokenizer() throws -> Tokenizer {
      try Tokenizer(gguf: GGUFFile(path: "\(Checkout.tokenizers)/gguf/ggml-vocab-\(name).gguf"))
    }

    func vectors() throws -> [(text: String, ids: [Int32])] {
      try TestVectors.llamaCpp("gguf/ggml-vocab-\(name).gguf")
    }
  }

  static let all = [
    Published(name: "llama-bpe", size: 128_256, begin: 128_000, ends: [128_001, 128_009]),
    Published(name: "llama-spm", size: 32_000, begin: 1, ends: [2]),
    Published(name: "phi-3", size: 32_011, begin: 1, ends: [32_000, 32_007]),
  ]

  @Test(arguments: all) func vectorsOfLlamaCpp(_ published: Published) throws {
    let tokenizer = try published.tokenizer()
    #expect(tokenizer.vocabularySize == published.size)
    #expect(tokenizer.beginID == published.begin && tokenizer.endIDs == published.ends)
    let vectors = try published.vectors()
    #expect(vectors.count == 46)
    let again = try Tokenizer(serialized: tokenizer.serialized())
    #expect(again.fingerprint == tokenizer.fingerprint)
    for (text, ids) in vectors {
      #expect(tokenizer.encode(text, framed: false) == ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text) == [published.begin] + ids)
      #expect(again.encode(text, framed: false) == ids, "\(text.debugDescription)")
    }
  }

  /// Also what begins or ends with spaces, and whatever a generator may answer.
  @Test(arguments: all) func textComesBack(_ published: Published) throws {
    let tokenizer = try published.tokenizer()
    #expect(tokenizer.canWriteText)
    var source = RandomText(seed: 8)
    let texts = try published.vectors().map(\.text) + (0..<300).map { _ in source.next() }
    for text in texts {
      let ids = tokenizer.encode(text, framed: false)
      #expect(tokenizer.decode(ids) == Array(text.utf8), "\(text.debugDescription)")
      var stream = StreamingDetokenizer(tokenizer, skipSpecial: true)
      let pieces = ids.map { stream.push($0) } + [stream.finish()]
      #expect(Array(pieces.joined().utf8) == Array(text.utf8), "\(text.debugDescription)")
    }
  }

  /// Two files of a model say the same: what a converter wrote, and what a program writes for
  /// others.
  @Test(arguments: all) func itsFilesAreWrittenForOtherPrograms(_ published: Published) throws {
    let tokenizer = try #require(published.tokenizer().withoutTemplate)
    let files = try #require(tokenizer.huggingFaceFiles(jinja: nil))
    let read = try Tokenizer(json: files[0].contents, configJSON: files[1].contents)
    #expect(read.fingerprint == tokenizer.fingerprint)
  }

  @Test func whatAUserWritesIsNoSpecialToken() throws {
    for published in Self.all {
      let tokenizer = try published.tokenizer()
      let specials = tokenizer.addedTokens.filter(\.isSpecial)
      #expect(specials.count > 2)
      let text = specials.map { String(decoding: $0.content, as: UTF8.self) }.joined(separator: " ")
      #expect(!tokenizer.encode(text, framed: false).contains { tokenizer.isSpecial($0) })
    }
  }
}
