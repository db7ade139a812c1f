import FeatureCache
import Foundation
import Identity
import ModelFiles

/// Writes documents' states, token ids and texts for other programs, or for `StateImport`; see `StateFile`.
/// Memory holds one document at a time; the file is its owner's alone, as a cache is.
public struct StateExport {
  public enum Format: String, CaseIterable, Sendable {
    case safetensors
    /// NumPy's, for `numpy.load`.
    case npz
  }

  private let cache: FeatureCache
  private let entries: [DocumentEntry]

  public init(_ cache: FeatureCache, _ entries: [DocumentEntry]) {
    self.cache = cache
    self.entries = entries
  }

  /// - Parameter progress: called with the count of documents that are done.
  public func write(
    _ path: String, _ format: Format, progress: (Int) -> Void = { _ in }
  ) throws {
    guard !FeatureCache.isCache(path) else {
      throw PrecomputeError.statesFile(
        path: path, problem: "it is a feature cache, which an export does not take the place of")
    }
    let whole = try wholeArrays()
    var parts: [String: (entry: DocumentEntry, part: StateFile.Part)] = [:]
    var layouts = whole.map { TensorLayout($0.key, shape: [$0.value.count], type: .u8) }
      .sorted { $0.name < $1.name }
    for entry in entries {
      let document = try cache.document(entry.id)
      for part in StateFile.Part.allCases where part != .given || document.givenPrompt != nil {
        let name = StateFile.name(entry.id.number, part)
        parts[name] = (entry, part)
        layouts.append(layout(name, part, document, Self.coverage(entry)))
      }
    }
    let file: any TensorFileStream =
      switch format {
      case .safetensors: try SafetensorsStream(path: path, layouts: layouts, mode: 0o600)
      case .npz: try NumPyArchive(path: path, layouts: layouts, mode: 0o600)
      }
    var done = 0
    for layout in file.order {
      if let bytes = whole[layout.name] {
        try bytes.withUnsafeBytes { try file.append($0) }
      } else if let (entry, part) = parts[layout.name] {
        try append(part, of: entry, to: file)
        if part == .states {
          done += 1
          progress(done)
        }
      }
    }
    try file.commit()
  }

  /// The longest states that the document has.
  private static func coverage(_ entry: DocumentEntry) -> Coverage {
    entry.documentStates > 0 ? .document : .prompt
  }

  private func layout(
    _ name: String, _ part: StateFile.Part, _ document: CacheDocument, _ coverage: Coverage
  ) -> TensorLayout {
    let tokens = document.ids(coverage).count
    switch part {
    case .states: return TensorLayout(name, shape: [tokens, cache.width], type: .f32)
    case .inputIDs: return TensorLayout(name, shape: [tokens], type: .i64)
    case .responseIDs:
      return TensorLayout(name, shape: [document.responseIDs.count], type: .i64)
    case .prompt: return TensorLayout(name, shape: [document.prompt.count], type: .u8)
    case .response: return TensorLayout(name, shape: [document.response.count], type: .u8)
    case .given: return TensorLayout(name, shape: [document.given.count], type: .u8)
    }
  }

  private func append(
    _ part: StateFile.Part, of entry: DocumentEntry, to file: any TensorFileStream
  ) throws {
    let document = try cache.document(entry.id)
    let ids = document.ids(Self.coverage(entry))
    func append(_ ids: [Int32]) throws {
      try ids.map { Int64($0).littleEndian }.withUnsafeBytes { try file.append($0) }
    }
    switch part {
    case .states:
      var states = [Float](repeating: 0, count: ids.count * cache.width)
      try states.withUnsafeMutableBufferPointer { room in
        _ = try cache.states(of: entry.id, Self.coverage(entry), into: room)
      }
      try states.withUnsafeBytes { try file.append($0) }
    case .inputIDs: try append(ids)
    case .responseIDs: try append(document.responseIDs)
    case .prompt: try document.prompt.withUnsafeBytes { try file.append($0) }
    case .response: try document.response.withUnsafeBytes { try file.append($0) }
    case .given: try document.given.withUnsafeBytes { try file.append($0) }
    }
  }

  /// What is there once, by its name.
  private func wholeArrays() throws -> [String: [UInt8]] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let source = cache.source
    var places: [UInt8] = []
    for entry in entries {
      let document = try cache.document(entry.id)
      places += try encoder.encode(
        StateFile.Place(
          number: entry.id.number, split: document.split.rawValue, corpus: document.corpus,
          line: document.line, coverage: Self.coverage(entry).rawValue,
          form: document.form.rawValue))
      places.append(UInt8(ascii: "\n"))
    }
    return [
      StateFile.identity(cache.identity.scope): Array(try encoder.encode(cache.identity)),
      StateFile.source: Array(
        try encoder.encode(
          StateFile.Source(
            name: source.name, path: source.path, chatTemplate: source.chatTemplate,
            chunkTokens: cache.chunkTokens))),
      StateFile.documents: places,
      StateFile.tokenizer: source.tokenizer,
    ]
  }
}
