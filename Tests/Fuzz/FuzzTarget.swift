import Architectures
import Corpora
import FeatureCache
import Foundation
import ModelFiles
import Tokenization

/// The parsers of what comes from outside, each as a function of bytes that must end, and never crash.
enum FuzzTarget: String, CaseIterable {
  /// A record's payload, in any codec.
  case records
  /// A transform codec's fit, and a payload of it.
  case fits
  case gguf, safetensors
  /// `tokenizer.json`.
  case tokenizer
  /// A corpus file.
  case rows

  /// - Parameter folder: for the file that the parser reads.
  func run(_ bytes: [UInt8], in folder: String) {
    switch self {
    case .records: Self.decodeRecord(bytes)
    case .fits: Self.decodeFitted(bytes)
    case .gguf: Self.open(bytes, folder + "/model.gguf", Self.readModel)
    case .safetensors: Self.open(bytes, folder + "/model.safetensors", Self.readTensors)
    case .tokenizer: Self.open(bytes, folder + "/tokenizer.json") { _ in try Self.tokenize(folder) }
    case .rows: Self.open(bytes, folder + "/rows", Self.readRows)
    }
  }

  private static func open(_ bytes: [UInt8], _ path: String, _ body: (String) throws -> Void) {
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
      fatalError("can't write \(path)")
    }
    // What a parser throws is its answer.
    try? body(path)
  }

  /// The first three bytes say codec, tokens and width.
  private static func decodeRecord(_ bytes: [UInt8]) {
    guard bytes.count >= 3 else { return }
    let codecs = CodecRegistry.builtIn.unfitted
    let codec = codecs[Int(bytes[0]) % codecs.count]
    let (tokens, width) = (Int(bytes[1]) % 9 + 1, Int(bytes[2]) % 97 + 1)
    decode(bytes.dropFirst(3), codec, tokens: tokens, width: width)
  }

  /// What is decoded is finite.
  private static func decode(
    _ payload: ArraySlice<UInt8>, _ codec: any StateCodec, tokens: Int, width: Int
  ) {
    var states = [Float](repeating: .nan, count: tokens * width)
    let isDecoded =
      (try? payload.withUnsafeBytes {
        try codec.decode($0, tokens: tokens, width: width, into: &states)
      }) != nil
    if isDecoded { precondition(states.allSatisfy(\.isFinite)) }
  }

  /// The first three bytes say how many of the others are the fit's, little-endian; the rest is the payload.
  private static func decodeFitted(_ bytes: [UInt8]) {
    guard bytes.count >= 3 else { return }
    let count = Int(bytes[0]) | Int(bytes[1]) << 8 | Int(bytes[2]) << 16
    let rest = bytes.dropFirst(3)
    guard let fit = try? TransformFit(bytes: Array(rest.prefix(count))) else { return }
    let codec = TransformCodec(fit)
    let (tokens, width) = (3, codec.fit.width)
    decode(rest.dropFirst(count), codec, tokens: tokens, width: width)
    // What such a fit makes of states, it reads again.
    let states = (0..<tokens * width).map { Float($0 % 17) - 8 }
    guard let encoded = try? codec.encode(states, tokens: tokens, width: width, decoded: nil) else {
      return
    }
    decode(encoded.payload[...], codec, tokens: tokens, width: width)
  }

  private static func readModel(_ path: String) throws {
    let folder = try ModelFolder.open(path)
    _ = try? folder.architecture()
    if let tokenizer = try? Tokenizer.load(folder) { use(tokenizer) }
    try readTensors(path)
  }

  private static func readTensors(_ path: String) throws {
    let catalogue = try TensorCatalogue.open(path)
    _ = catalogue.sha256()
    for entry in catalogue.entries {
      _ = try? catalogue.floats(entry.name)
      _ = try? catalogue.integers(entry.name)
      _ = try? catalogue.groupedCodes(entry.name, shape: entry.shape)
    }
  }

  private static func tokenize(_ folder: String) throws {
    use(try Tokenizer.load(try ModelFolder.open(folder)))
  }

  private static func use(_ tokenizer: Tokenizer) {
    let ids = tokenizer.encode("The city of Lyon, 1 234.5\n\u{e9}\u{1F600}<|im_end|> ")
    _ = tokenizer.decode(ids)
    _ = try? Tokenizer(serialized: tokenizer.serialized())
  }

  private static func readRows(_ path: String) throws {
    for form in CorpusForms.builtIn.forms {
      let reader = try Corpus(path, form: form).reader(badRows: .skip)
      // A broken end is thrown, and is the answer.
      while let row = try? reader.next() { _ = row.splitBytes }
    }
  }
}
