import Crypto
import FeatureCache

/// Texts of a corpus that a codec is fitted on, and others that its loss is measured on. No text is in both,
/// and which it is in depends on its tokens alone.
public struct CalibrationSample: Sendable {
  public private(set) var fitted: [[Int32]] = []
  public private(set) var heldOut: [[Int32]] = []
  private var tokens = (fitted: 0, heldOut: 0)
  private var seen: Set<[UInt8]> = []

  /// Tokens to fit on: with twice as many, bytes at equal loss fell by less than 1%.
  private static let fittedTokens = 65_536
  /// Tokens to measure on.
  private static let heldOutTokens = 50_000
  /// Tokens of texts that all differ which are enough for both parts.
  public static let enough = 200_000
  /// Of 256 texts so many are fitted on.
  private static let fittedShare: UInt8 = 144

  public init() {}

  /// Both parts have what they need; more texts would be left out.
  public var isFull: Bool {
    tokens.fitted >= Self.fittedTokens && tokens.heldOut >= Self.heldOutTokens
  }

  /// Takes a text where there is need of it. Equal texts count once; one of a single token predicts nothing.
  public mutating func add(_ ids: [Int32]) {
    guard ids.count > 1 else { return }
    let hash = ids.withUnsafeBytes { Array(SHA256.hash(data: $0)) }
    let isFitted = hash[0] < Self.fittedShare
    guard isFitted ? tokens.fitted < Self.fittedTokens : tokens.heldOut < Self.heldOutTokens,
      seen.insert(hash).inserted
    else { return }
    if isFitted {
      fitted.append(ids)
      tokens.fitted += ids.count
    } else {
      heldOut.append(ids)
      tokens.heldOut += ids.count - 1
    }
  }
}
