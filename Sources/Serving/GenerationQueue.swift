import Dispatch
import Generation
import Synchronization
import Tokenization

/// The explicit queue in front of the model: requests are answered one at a time, in order, on a thread
/// of their own; too many waiting are turned away.
// Sendable: `generator` is used only from `line`, which is serial.
final class GenerationQueue: @unchecked Sendable {
  private let generator: TextGenerator
  private let line = DispatchQueue(label: "denju.generation", qos: .userInitiated)
  private let waiting = Atomic<Int>(0)
  private let capacity: Int

  init(_ generator: TextGenerator, capacity: Int) {
    self.generator = generator
    self.capacity = capacity
  }

  enum Event: Sendable {
    case text(String)
    case finished(GenerationResult)
  }

  /// The answer as it grows, then its result. Ending the iteration early ends the generation.
  func answer(
    _ prompt: PromptFormat.Prompt, _ options: SamplingOptions
  ) throws(RequestError) -> AsyncThrowingStream<Event, any Error> {
    let ahead = waiting.add(1, ordering: .relaxed).oldValue
    guard ahead < capacity else {
      waiting.subtract(1, ordering: .relaxed)
      throw .busy(waiting: ahead)
    }
    return AsyncThrowingStream { continuation in
      let ended = Flag()
      continuation.onTermination = { _ in ended.raise() }
      line.async { [self] in
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard !ended.isRaised else { return }
        do {
          let result = try generator.generate(prompt, options) { text in
            if !text.isEmpty { continuation.yield(.text(text)) }
            return !ended.isRaised
          }
          continuation.yield(.finished(result))
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
    }
  }

  private final class Flag: Sendable {
    private let raised = Atomic<Bool>(false)
    var isRaised: Bool { raised.load(ordering: .relaxed) }
    func raise() { raised.store(true, ordering: .relaxed) }
  }
}
