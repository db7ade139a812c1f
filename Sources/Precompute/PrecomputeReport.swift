import FeatureCache
import Foundation
import Numerics

/// What a precompute run came to, beside what was planned.
public struct PrecomputeReport: Codable, Equatable, Sendable {
  public var plan: PrecomputePlan
  public var documents = 0
  /// Tokens run through the source.
  public var tokens = 0
  public var seconds = 0.0
  /// Bytes of payload that were added.
  public var bytes = 0
  /// Bytes that the cache's file grew by.
  public var fileBytes = 0
  /// The share of the cores' time that was idle while it ran. A thread that polls for the others counts as busy.
  public var idleShare = 0.0
  /// The matrix product's rate while it ran: the mean of probes.
  public var operationsPerSecond = 0.0
  /// |states - float32's| / |float32's| on a fixed text, where the source computes in less.
  public var precisionError: Double?
  public var outcomes: [String: Int] = [:]
  public var interrupted = false
  public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
}

/// Seconds of processor time that the process has used, on all cores.
func processorSeconds() -> Double {
  var usage = rusage()
  guard getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
  func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
  return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// The matrix product's rate, probed now and then beside other work.
struct RateProbes {
  private var rates: [Double] = []
  private var last: ContinuousClock.Instant?

  /// Seconds between probes, of which each takes some milliseconds.
  private static let pause = 10.0

  mutating func probeIfDue() {
    if let last, (ContinuousClock.now - last).inSeconds < Self.pause { return }
    rates.append(MatrixProbe.operationsPerSecond(repeats: 2))
    last = .now
  }

  var mean: Double { rates.reduce(0, +) / Double(max(rates.count, 1)) }
}
