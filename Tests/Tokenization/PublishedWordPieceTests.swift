import Foundation
import ModelFiles
import TestSupport
import Testing
import Tokenization

/// WordPiece tokenizers as published, against vectors made elsewhere.
@Suite struct PublishedWordPieceTests {
  static let bge = Checkout.tokenizers + "/gguf/ggml-vocab-bert-bge.gguf"

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: PublishedWordPieceTests.bge),
      "needs ../shared/tokenizers/gguf"))
  func vectorsOfLlamaCpp() throws {
    let tokenizer = try Tokenizer(gguf: GGUFFile(path: Self.bge))
    #expect(tokenizer.vocabularySize == 30_522)
    let vectors = try TestVectors.llamaCpp("gguf/ggml-vocab-bert-bge.gguf")
    #expect(vectors.count > 40)
    for (text, ids) in vectors {
      #expect(tokenizer.encode(text, framed: false) == ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text) == [101] + ids + [102])
    }
  }

  private static func miniLM() throws -> Tokenizer {
    try Tokenizer.load(ModelFolder.open(try #require(Checkout.miniLM)))
  }

  @Test(
    .enabled(
      if: Checkout.miniLM != nil && TestVectors.hasReference,
      "needs DENJU_MINILM (make model-minilm) and ../shared/reference"))
  func promptsOfMiniLM() throws {
    struct File: Decodable {
      struct Prompt: Decodable {
        let text: String
        let inputIds: [Int32]
      }
      let prompts: [Prompt]
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let path = Checkout.reference("minilm-l6/prompts.json")
    let file = try decoder.decode(File.self, from: Data(TestVectors.contents(path)))
    let tokenizer = try Self.miniLM()
    #expect(file.prompts.count >= 5)
    for prompt in file.prompts {
      #expect(tokenizer.encode(prompt.text) == prompt.inputIds, "\(prompt.text)")
      #expect(try PromptFormat(tokenizer).prompt(.raw(prompt.text)).ids == prompt.inputIds)
    }
    // The file cuts texts at 128 tokens and fills them up to as many; neither is done here.
    #expect(tokenizer.encode(String(repeating: "card ", count: 400)).count == 402)
    #expect(!tokenizer.canWriteText && tokenizer.endOfTextID == nil)
  }

  /// all-MiniLM-L6-v2 and bge-small-en have BERT's vocabulary, one as JSON and one as GGUF.
  @Test(
    .enabled(
      if: Checkout.miniLM != nil
        && FileManager.default.fileExists(atPath: PublishedWordPieceTests.bge),
      "needs DENJU_MINILM (make model-minilm) and ../shared/tokenizers/gguf"))
  func oneVocabularyHasOneFingerprintWhicheverFileItComesFrom() throws {
    let tokenizer = try Self.miniLM()
    #expect(try tokenizer.fingerprint == Tokenizer(gguf: GGUFFile(path: Self.bge)).fingerprint)
    let again = try Tokenizer(serialized: tokenizer.serialized())
    #expect(again.fingerprint == tokenizer.fingerprint)
  }
}
