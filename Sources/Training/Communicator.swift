/// How the ranks of one training run speak with each other. Each rank runs parts of every step's batch.
///
/// A communicator is one file; the trainer is handed one, and has one process by default.
public protocol Communicator: AnyObject {
  /// This process's number, from 0, and how many there are.
  var rank: Int { get }
  var count: Int { get }

  /// Adds up values over all ranks, in place; every rank ends with the same bits.
  func sum(_ values: UnsafeMutablePointer<Float>, count: Int) throws
  func sum(_ values: inout [Double]) throws

  /// Gives every rank the values of `root`.
  func broadcast(_ values: UnsafeMutablePointer<Float>, count: Int, from root: Int) throws
}

/// One process, which has everything already.
public final class SingleProcess: Communicator {
  public init() {}

  public var rank: Int { 0 }
  public var count: Int { 1 }
  public func sum(_ values: UnsafeMutablePointer<Float>, count: Int) {}
  public func sum(_ values: inout [Double]) {}
  public func broadcast(_ values: UnsafeMutablePointer<Float>, count: Int, from root: Int) {}
}
