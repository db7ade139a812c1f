import ArgumentParser
import Foundation
import ModelFiles
import Tokenization

/// Text to token ids, and back.
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a text's token ids and pieces, or a text from ids.")

  @Option(help: "A Hugging Face folder or a GGUF file.")
  var model: String

  @Flag(help: "Take token ids, separated by spaces or commas, and print their text.")
  var decode = false

  @Flag(help: "Let special tokens spelled in the text be those tokens.")
  var special = false

  @Flag(help: "Print a line of JSON.")
  var json = false

  @Argument(help: "The text, or with --decode the ids; - reads it from standard input.")
  var text: [String]

  func run() throws {
    let tokenizer = try Tokenizer.load(try ModelFolder.open(model))
    let input = try TextArgument.read(text)
    if decode {
      let ids = try input.split(whereSeparator: { $0 == " " || $0 == "," || $0.isNewline }).map {
        word in
        guard let id = Int32(word), (0..<Int32(clamping: tokenizer.vocabularySize)).contains(id)
        else {
          throw ValidationError(
            "\"\(word)\" is not a token id: 0 to \(tokenizer.vocabularySize - 1) are")
        }
        return id
      }
      let text = tokenizer.text(ids)
      if json { try Terminal.json(["text": text]) } else { Terminal.result(text) }
      return
    }
    let ids = tokenizer.encode(input, special: special)
    if json {
      struct Line: Encodable {
        let ids: [Int32]
        let pieces: [String]
      }
      try Terminal.json(Line(ids: ids, pieces: ids.map { piece($0, tokenizer) }))
    } else {
      for id in ids { Terminal.result("\(id)\t\(piece(id, tokenizer))") }
    }
  }

  private func piece(_ id: Int32, _ tokenizer: Tokenizer) -> String {
    String(decoding: tokenizer.piece(id), as: UTF8.self).printable
  }
}

/// Text given as arguments, or through standard input without its last line feed.
enum TextArgument {
  static func read(_ words: [String]) throws -> String {
    guard words == ["-"] else { return words.joined(separator: " ") }
    let bytes = FileHandle.standardInput.readDataToEndOfFile()
    guard let text = String(data: bytes, encoding: .utf8) else {
      throw ValidationError("standard input is not UTF-8")
    }
    return text.utf8.last == UInt8(ascii: "\n") ? String(text.unicodeScalars.dropLast()) : text
  }
}
