import Foundation
import Generation
import Generators
import Identity
import Runs

/// What `denju inspect RUN --json` says of a run, before its tensors.
struct InspectedRun: Encodable {
  let run: String
  /// `own`, `shuffled`, `none`.
  let states: String
  let template: String?
  let cache: String
  let source: String
  /// In the order of their numbers.
  let streams: [InspectedStream]
}

/// A stream that a run reads.
struct InspectedStream: Encodable {
  /// From 1.
  let stream: Int
  let source: String
  let layer: Int
  let normalized: Bool
  let width: Int
  let codec: String
  /// How much is made of it: the factor on what is read of it, a cross-attention each. Empty in a run that reads one
  /// stream, which has none.
  let scales: [Float]

  /// All that a run reads.
  static func of(_ run: RunFolder, _ manifest: RunManifest) throws -> [Self] {
    let scales =
      manifest.streams.count > 1 ? try run.generator(run.best, manifest).streamScales : []
    return try run.cacheIdentities(of: manifest).enumerated().map { place, identity in
      InspectedStream(
        stream: place + 1, source: manifest.streams[place].sourcePath, layer: identity.layer,
        normalized: identity.normalized, width: identity.width, codec: identity.codec,
        scales: scales.map { $0[place] })
    }
  }

  var line: String {
    let scales = scales.map { String(format: "%.3f", $0) }.joined(separator: " ")
    return "stream \(stream): layer \(layer) of width \(width), \(codec), of \(source)"
      + (scales.isEmpty ? "" : "; scales \(scales)")
  }
}
