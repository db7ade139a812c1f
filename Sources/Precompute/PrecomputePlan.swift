import KnowledgeSource
import ModelFiles
import Numerics

/// What a precompute run will do, known before it starts.
public struct PrecomputePlan: Codable, Equatable, Sendable {
  public var documents = 0
  /// Of all documents, as the coverage asks.
  public var tokens = 0
  /// Of prompt and response of the documents to train on: what an epoch of training passes through.
  public var trainingTokens = 0
  /// Documents whose states are in the cache, or equal to an earlier one's.
  public var cachedDocuments = 0
  /// To be run through the source.
  public var tokensToCompute = 0
  /// To be added to the cache, about.
  public var bytes = 0
  /// About: from the model's operations and a matrix product timed just now.
  public var seconds = 0.0
  /// Multiply-adds and other operations, 2 a multiply-add.
  public var floatingPointOperations = 0.0
  /// Bad rows and changes, by what they are.
  public var outcomes: [String: Int] = [:]
  /// Token counts are estimated from the text's bytes, since there is no tokenizer.
  public var estimated = false

  /// Share of the matrix product's rate that the whole model reaches.
  private static let efficiency = 0.6
  /// Bytes a record takes beside its payload, and a document beside its text.
  private static let overhead = (record: 320, document: 420)

  /// Adds a document of which `count` tokens are conditioned on, and `whole` tokens in all.
  mutating func add(tokens count: Int, whole: Int, isTrained: Bool, compute: Bool) {
    documents += 1
    tokens += count
    if isTrained { trainingTokens += whole }
    if compute { tokensToCompute += count } else { cachedDocuments += 1 }
  }

  /// Settles bytes and time for states of `layer`.
  mutating func cost(
    _ configuration: TransformerConfiguration, layer: Int, codec: String, chunkTokens: Int,
    operationsPerSecond rate: Double
  ) {
    let mean = Double(tokensToCompute) / Double(max(documents - cachedDocuments, 1))
    floatingPointOperations =
      Double(tokensToCompute) * configuration.operations(layers: layer, meanLength: mean)
    seconds = floatingPointOperations / (rate * Self.efficiency)
    let records = tokensToCompute / chunkTokens + documents - cachedDocuments
    bytes =
      tokensToCompute * Self.payloadBytes(codec, width: configuration.hiddenSize)
      + records * Self.overhead.record + (documents - cachedDocuments) * Self.overhead.document
      + tokensToCompute * 8
  }

  /// Bytes a token, from sizes measured on hidden states.
  private static func payloadBytes(_ codec: String, width: Int) -> Int {
    switch codec {
    case "float32": Int(3.6 * Double(width))
    case "float16": Int(1.8 * Double(width))
    default: Int(0.95 * Double(width)) + 4
    }
  }
}

extension TransformerConfiguration {
  /// Operations a token through the first `layers` layers, 2 a multiply-add, in documents of
  /// `meanLength` tokens: the projections, and the causal half of attention.
  func operations(layers: Int, meanLength: Double) -> Double {
    let (width, heads) = (Double(hiddenSize), Double(headCount * headSize))
    let keyValues = Double(keyValueHeadCount * headSize)
    let weights = width * (2 * heads + 2 * keyValues) + 3 * width * Double(intermediateSize)
    return Double(layers) * (2 * weights + 4 * heads * meanLength / 2)
  }
}

/// The rate of this machine's matrix product, in operations a second, timed for a moment.
public enum MatrixProbe {
  public static func operationsPerSecond() -> Double {
    let size = 768
    let a = FloatBuffer(count: size * size)
    let b = FloatBuffer(count: size * size)
    let out = FloatBuffer(count: size * size)
    let clock = ContinuousClock()
    var best = Duration.seconds(1000)
    for _ in 0..<4 {
      best = min(
        best, clock.measure { matmul(out.base, a.base, b.base, m: size, k: size, n: size) })
    }
    let seconds = Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18
    return 2 * Double(size * size * size) / max(seconds, 1e-9)
  }
}
