/// Why a server does not begin.
public enum ServingError: Error, CustomStringConvertible, Sendable {
  case cannotListen(host: String, port: Int, reason: String)

  public var description: String {
    switch self {
    case .cannotListen(let host, let port, let reason):
      "can't listen on \(host), port \(port): \(reason); name another by --port, 0 takes a free one"
    }
  }
}
