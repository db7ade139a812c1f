import Architectures
import FeatureCache
import Foundation
import ModelFiles
import Numerics

/// What a precompute run will do, known before it starts.
public struct PrecomputePlan: Codable, Equatable, Sendable {
  public var documents = 0
  /// Tokens of all documents, as the coverage asks.
  public var tokens = 0
  /// Tokens of prompt and response of the documents to train on: what an epoch of training passes through.
  public var trainingTokens = 0
  /// Documents whose states are in the cache, or equal to an earlier one's.
  public var cachedDocuments = 0
  /// Tokens of the other documents.
  public var tokensBeforeSharing = 0
  /// Tokens to be run through the source: those, with the beginnings that documents share counted once.
  public var tokensToCompute = 0
  /// Bytes to be added to the cache's file.
  public var bytes = 0
  /// Seconds of the run's work, opening the source included.
  public var seconds = 0.0
  /// Whether `seconds` and `bytes` come from running a sample of the corpus here and now; otherwise
  /// from the model's operations, the matrix product's rate and usual sizes.
  public var measured = false
  /// Multiply-adds and other operations, 2 a multiply-add.
  public var floatingPointOperations = 0.0
  /// The matrix product's rate at the time.
  public var operationsPerSecond = 0.0
  /// Bad rows and changes, by what they are.
  public var outcomes: [String: Int] = [:]
  /// Token counts are estimated from the text's bytes, since there is no tokenizer.
  public var estimated = false
  /// The codec that is fitted first, which is not in `seconds`; none where it needs no fit, or has one.
  public var fitted: String?

  /// The documents to train and to validate on, for the plan of a training. Not part of the plan's JSON.
  public var sizes: [DocumentSplit: [PlannedDocument]] = [:]

  private enum CodingKeys: String, CodingKey {
    case documents, tokens, trainingTokens, cachedDocuments, tokensBeforeSharing, tokensToCompute,
      bytes, seconds,
      measured, floatingPointOperations, operationsPerSecond, outcomes, estimated, fitted
  }

  /// Adds a document of which `count` tokens are conditioned on.
  mutating func add(
    tokens count: Int, prompt: Int, response: Int, _ split: DocumentSplit, compute: Bool
  ) {
    documents += 1
    tokens += count
    if split == .train { trainingTokens += prompt + response }
    if split != .test {
      sizes[split, default: []].append(
        PlannedDocument(prompt: prompt, response: response, states: count))
    }
    if compute { tokensBeforeSharing += count } else { cachedDocuments += 1 }
  }
}

/// Tokens of a document, and how many of them are to have states.
public struct PlannedDocument: Equatable, Sendable {
  public var prompt: Int
  public var response: Int
  public var states: Int
}

/// What a run passes through the source, in counts.
struct SourceWork: Equatable, Sendable {
  var tokens = 0
  /// Pairs of a token and one that it attends to.
  var attended = 0
  var passes = 0

  /// Operations through the first `layers` layers, 2 a multiply-add.
  func operations(_ model: any Architecture, layers: Int) -> Double {
    model.operations(tokens: tokens, attended: attended, layers: layers)
  }

  /// What time is taken to be proportional to: operations, where attention's run at half of the
  /// projections' rate, and a pass costs as much as some tokens beyond its own.
  func effort(_ model: any Architecture, layers: Int) -> Double {
    func projections(_ tokens: Int) -> Double {
      model.operations(tokens: tokens, attended: 0, layers: layers)
    }
    return 2 * operations(model, layers: layers) - projections(tokens)
      + projections(passes * PrefixPlanner.worthwhile)
  }
}

/// What is to be stored, in counts.
struct StoredWork: Equatable, Sendable {
  /// Records by their tokens.
  var records: [Int: Int] = [:]
  var documents = 0
  /// Bytes of documents' text.
  var givenBytes = 0
  /// Bytes of token ids, and of what a template wrote.
  var readBytes = 0
  /// Bytes of a token id in a record's row.
  var idWidth = 4

  var recordTokens: Int { records.reduce(0) { $0 + $1.key * $1.value } }

  /// Bytes in a cache's file with so much payload a token.
  func fileBytes(payloadPerToken: Double) -> Double {
    var footprint = CacheFootprint()
    for (tokens, count) in records {
      footprint.addRecords(
        count, tokens: tokens, idWidth: idWidth, payload: payloadPerToken * Double(tokens))
    }
    let count = Double(max(documents, 1))
    footprint.addDocuments(
      documents, given: Double(givenBytes) / count, read: Double(readBytes) / count)
    return footprint.bytes
  }
}

/// The rate of this machine's matrix product, in operations a second, timed for a moment.
public enum MatrixProbe {
  /// - Parameter repeats: of which the fastest counts. A machine so slow that a product takes a moment by itself
  ///   is timed at a small one, once.
  public static func operationsPerSecond(repeats: Int = 4) -> Double {
    let small = rate(size: 192, repeats: 1)
    let operations = 2 * Double(largeSize * largeSize * largeSize)
    return operations / small > slowSeconds ? small : rate(size: largeSize, repeats: repeats)
  }

  private static let largeSize = 512
  private static let slowSeconds = 0.1

  private static func rate(size: Int, repeats: Int) -> Double {
    let a = FloatBuffer(count: size * size)
    let b = FloatBuffer(count: size * size)
    let out = FloatBuffer(count: size * size)
    let clock = ContinuousClock()
    var best = Duration.seconds(1000)
    for _ in 0..<max(repeats, 1) {
      best = min(
        best, clock.measure { matmul(out.base, a.base, b.base, m: size, k: size, n: size) })
    }
    return 2 * Double(size * size * size) / max(best.inSeconds, 1e-9)
  }
}
