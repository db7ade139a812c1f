import Foundation
import Generators
import ModelFiles

/// The folder of a training run.
///
///     run.json                 what it was made of
///     source-tokenizer         the source's tokenizer, as its cache holds it; with -2 and so on behind it, those
///                              of further streams
///     generator-tokenizer      the generator's, where it has one of its own
///     codec-fit                what the states' codec was fitted to, where it was; likewise
///     base.safetensors         the parameters that training does not change, where there are any
///     best/, last/             checkpoints: lowest validation loss, latest step
///     log.csv                  a line a step
///     report.json              what evaluation found
public struct RunFolder: Sendable {
  public let path: String

  public init(_ path: String) {
    self.path = path
  }

  public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    case missing(run: String, file: String)
    case unreadable(file: String, reason: String)
    case unwritable(file: String, reason: String)

    public var description: String {
      switch self {
      case .missing(let run, let file):
        "\(run) is not a training run: it has no \(file); name the folder that `denju train --run` made"
      case .unreadable(let file, let reason): "can't read \(file): \(reason)"
      case .unwritable(let file, let reason): "can't write \(file): \(reason)"
      }
    }
  }

  public func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

  public var best: String { file("best") }
  public var last: String { file("last") }
  public var log: String { file("log.csv") }

  public var exists: Bool { FileManager.default.fileExists(atPath: file("run.json")) }

  public func manifest() throws(Failure) -> RunManifest {
    let bytes = try read("run.json")
    do {
      return try RunManifest(json: Data(bytes), in: path)
    } catch let malformed as RunManifest.Malformed {
      throw .unreadable(file: file("run.json"), reason: malformed.reason)
    } catch {
      throw .unreadable(file: file("run.json"), reason: "it is not a run's description")
    }
  }

  /// The tokenizer of a stream's source; the first's by default.
  public func sourceTokenizer(stream: Int = 0) throws(Failure) -> [UInt8] {
    try read(Self.name("source-tokenizer", stream))
  }

  /// A file of a stream: the first one's has the plain name.
  private static func name(_ file: String, _ stream: Int) -> String {
    stream == 0 ? file : "\(file)-\(stream + 1)"
  }

  public func generatorTokenizer() throws(Failure) -> [UInt8] { try read("generator-tokenizer") }

  /// What the codec of a stream's states was fitted to; `nil` where it needs no fit.
  public func codecFit(stream: Int = 0) throws(Failure) -> [UInt8]? {
    let name = Self.name("codec-fit", stream)
    return FileManager.default.fileExists(atPath: file(name)) ? try read(name) : nil
  }

  /// What a new run keeps of a stream: so much makes it independent of the cache.
  public struct StreamFiles: Sendable {
    public var tokenizer: [UInt8]
    public var codecFit: [UInt8]?

    public init(tokenizer: [UInt8], codecFit: [UInt8]?) {
      self.tokenizer = tokenizer
      self.codecFit = codecFit
    }
  }

  /// Makes the folder, empty as it is at first, and takes it for this program.
  package func lock() throws(Failure) -> RunLock {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
      throw .unwritable(file: path, reason: "it is a file: name a folder")
    }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(file: path, reason: Self.reason(error))
    }
    return try RunLock(self)
  }

  /// What the operating system says, where it is its error.
  private static func reason(_ error: any Error) -> String {
    let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? (error as NSError)
    return cause.domain == NSPOSIXErrorDomain
      ? systemReason(CInt(cause.code)) : error.localizedDescription
  }

  /// Makes the folder; `run.json` comes last, so that a folder that has it is whole.
  public func create(
    _ manifest: RunManifest, _ generator: Generator, streams: [StreamFiles],
    generatorTokenizer: [UInt8]?
  ) throws(Failure) {
    do {
      var manifest = manifest
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (number, stream) in streams.enumerated() {
        try write(Self.name("source-tokenizer", number), Data(stream.tokenizer))
        // It has states of the corpus in it.
        if let fit = stream.codecFit {
          try write(Self.name("codec-fit", number), Data(fit), mode: 0o600)
        }
      }
      if let generatorTokenizer { try write("generator-tokenizer", Data(generatorTokenizer)) }
      manifest.base = try writeBase(of: generator)
      try write(
        "run.json",
        try manifest.json(in: path, near: FileManager.default.currentDirectoryPath))
    } catch let failure as Failure {
      throw failure
    } catch let error as GeneratorError {
      throw .unwritable(file: base, reason: "\(error)")
    } catch {
      throw .unwritable(file: path, reason: Self.reason(error))
    }
  }

  /// Writes a file of the folder: the old one or the whole new one is there at any moment.
  public func write(_ name: String, _ data: Data, mode: mode_t = 0o666) throws(Failure) {
    do throws(ModelFileError) {
      let replacement = try FileReplacement(path: file(name), mode: mode)
      try replacement.append(Array(data))
      try replacement.commit()
    } catch {
      guard case .unwritable(_, let reason) = error else {
        throw .unwritable(file: file(name), reason: "\(error)")
      }
      throw .unwritable(file: file(name), reason: reason)
    }
  }

  private func read(_ name: String) throws(Failure) -> [UInt8] {
    guard FileManager.default.fileExists(atPath: file(name)) else {
      throw .missing(run: path, file: name)
    }
    do {
      return Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    } catch {
      throw .unreadable(file: file(name), reason: error.localizedDescription)
    }
  }
}
