import Foundation
import Identity

/// `run.json`, which a person can read. Version 2; one without a version was written by the first program,
/// with identity and options in base 64, and is read.
extension RunManifest {
  private static let version = 2

  /// Why a text is no manifest.
  struct Malformed: Error {
    let reason: String
  }

  /// The text for a run in `folder`.
  ///
  /// - Parameter near: where paths are written relative to the folder: what lies below it.
  func json(in folder: String, near: String) throws -> Data {
    func path(_ path: String) -> String { RunPath.written(path, in: folder, near: near) }
    var members: [String: Any] = [
      "version": Self.version, "rules": rules.rawValue, "states": states.rawValue,
      "plain_prompts": plainPrompts, "own_tokenizer": hasOwnTokenizer, "cache": path(cachePath),
      "source": path(sourcePath), "training": try JSONSerialization.jsonObject(with: training),
    ]
    members["template"] = template ?? NSNull()
    members["streams"] = try streams.enumerated().map { number, stream in
      // The bytes count; what they say is beside them, for people.
      var members: [String: Any] = [
        "identity": String(decoding: stream.identity, as: UTF8.self),
        "states": try Self.readable(stream.identity),
      ]
      // The first one's stand outside, where they always were.
      if number > 0 {
        members["template"] = stream.template ?? NSNull()
        members["source"] = path(stream.sourcePath)
      }
      return members
    }
    if let base { members["base"] = ["sha256": base.sha256] }
    return try JSONSerialization.data(
      withJSONObject: members, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  }

  /// An identity with the source's configuration opened up, which is JSON within JSON there.
  private static func readable(_ identity: Data) throws -> [String: Any] {
    guard var object = try JSONSerialization.jsonObject(with: identity) as? [String: Any] else {
      throw Malformed(reason: "an identity is an object")
    }
    if let text = object["architecture"] as? String,
      let inner = try? JSONSerialization.jsonObject(with: Data(text.utf8))
    {
      object["architecture"] = inner
    }
    return object
  }

  init(json data: Data, in folder: String) throws {
    guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw Malformed(reason: "it is not an object")
    }
    guard let version = object["version"] else {
      self = try JSONDecoder().decode(FirstRunDescription.self, from: data).manifest
      return
    }
    guard version as? Int == Self.version else {
      throw Malformed(reason: "its version is \(version), and this denju reads \(Self.version)")
    }
    func member<Value>(_ key: String) throws -> Value {
      guard let value = object[key] as? Value else {
        throw Malformed(reason: "\(key) is missing or of another kind")
      }
      return value
    }
    guard let rules = RunRules(rawValue: try member("rules")) else {
      throw Malformed(reason: "its rules are of another program: use a newer denju")
    }
    guard let states = StatesArm(rawValue: try member("states")) else {
      throw Malformed(reason: "states is none of own, shuffled and none")
    }
    let streams: [[String: Any]] = try member("streams")
    guard !streams.isEmpty else { throw Malformed(reason: "it has no streams") }
    let outer = (template: object["template"] as? String, source: try member("source") as String)
    let base = (object["base"] as? [String: Any])?["sha256"] as? String
    self.init(
      rules: rules,
      streams: try streams.enumerated().map { number, stream in
        guard let identity = stream["identity"] as? String else {
          throw Malformed(reason: "a stream has no identity")
        }
        return RunStream(
          identity: Data(identity.utf8),
          template: number == 0 ? outer.template : stream["template"] as? String,
          sourcePath: RunPath.read(
            number == 0 ? outer.source : stream["source"] as? String ?? "", in: folder))
      }, plainPrompts: try member("plain_prompts"),
      states: states, hasOwnTokenizer: try member("own_tokenizer"),
      cachePath: RunPath.read(try member("cache"), in: folder),
      training: try JSONSerialization.data(
        withJSONObject: try member("training") as [String: Any], options: [.sortedKeys]),
      base: base.map(FrozenBase.init))
  }
}

/// What the first program wrote: keys in its own words, bytes in base 64.
private struct FirstRunDescription: Decodable {
  let identity: Data
  let template: String?
  let plainPrompts: Bool
  let states: StatesArm
  let hasOwnTokenizer: Bool
  let cachePath: String
  let sourcePath: String
  let training: Data

  var manifest: RunManifest {
    RunManifest(
      rules: .first,
      streams: [RunStream(identity: identity, template: template, sourcePath: sourcePath)],
      plainPrompts: plainPrompts, states: states, hasOwnTokenizer: hasOwnTokenizer,
      cachePath: cachePath, training: training)
  }
}

/// Paths in a manifest: relative to the run's folder where they lie near it, so that a project can be moved.
enum RunPath {
  /// - Parameter near: a folder; what lies below it together with the run's folder is written relatively.
  static func written(_ path: String, in folder: String, near: String) -> String {
    guard !path.isEmpty else { return path }
    let (target, from, root) = (parts(path), parts(folder), parts(near))
    guard target.starts(with: root), from.starts(with: root) else { return absolute(path) }
    let common = zip(target, from).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: from.count - common) + target[common...])
      .joined(separator: "/")
  }

  static func read(_ path: String, in folder: String) -> String {
    guard !path.isEmpty, !path.hasPrefix("/") else { return path }
    return absolute((folder as NSString).appendingPathComponent(path))
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  private static func parts(_ path: String) -> [String] {
    absolute(path).split(separator: "/").map(String.init)
  }
}
