import ArgumentParser
import FeatureCache
import Foundation
import Generation
import Logging
import Pipeline
import Serving

/// Stage three: answers over HTTP.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve a trained generator: /v1/chat/completions, /v1/models, /health.",
    discussion: """
      Listens on the loopback address unless told otherwise; there is no authentication. States that are \
      not cached are computed, and stored unless --read-only is given.
      """)

  @OptionGroup var arguments: OptionArguments<AnsweringOptions>

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 takes a free one.")
  var port = 8080

  @Option(help: "What the model is called; the run's folder's name otherwise.")
  var name: String?

  @Option(help: "Largest request body in bytes.")
  var bodyLimit = 1 << 20

  @Option(help: "Requests that may wait; more are turned away.")
  var queueLimit = 64

  @Flag(help: "Store nothing in the cache.")
  var readOnly = false

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("--port \(port): 0 to 65535") }
    guard !(arguments.options.place.stores && readOnly) else {
      throw ValidationError("--store and --read-only contradict each other")
    }
    guard bodyLimit > 0, queueLimit > 0 else {
      throw ValidationError("--body-limit and --queue-limit are at least 1")
    }
  }

  func run() async throws {
    var place = arguments.options.place
    place.stores = !readOnly
    let generator = try TextGenerator(place) {
      Terminal.message("serve: \($0)")
    }
    if let problem = try generator.missingSource() {
      Terminal.message("serve: prompts that are not cached can't be answered: \(problem)")
    }
    var options = ChatServer.Options(
      modelName: name ?? URL(fileURLWithPath: place.run).standardizedFileURL.lastPathComponent)
    options.host = host
    options.port = port
    options.bodyLimit = bodyLimit
    options.queueLimit = queueLimit
    var logger = Logger(label: "denju")
    logger.logLevel = .warning
    let server = ChatServer(generator, options: options, logger: logger)
    Interruption.release()
    try await server.run { [host, options] port in
      Terminal.message(
        "serving \(options.modelName) at http://\(host.contains(":") ? "[\(host)]" : host):\(port)/v1 ; Ctrl-C ends it"
      )
    }
  }
}
