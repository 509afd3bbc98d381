import Daemon
import Logging
import Synchronization

/// Keeps one stream of the Workload API open for ever. A value; the runtime runs one for each stream.
struct StreamLoop: Sendable {
  /// Whether a stream said anything. Any task.
  final class Heard: Sendable {
    private let flag = Atomic(false)
    func note() { flag.store(true, ordering: .relaxed) }
    fileprivate var isSet: Bool { flag.load(ordering: .relaxed) }
  }

  /// What messages call the stream: `x509 context`.
  let what: String
  let time: any TimeSource
  let logger: Logger

  /// Runs until the task is cancelled.
  ///
  /// - Parameter watch: holds the stream open and notes each message.
  func run(_ watch: (Heard) async throws -> Void) async {
    var retry = RetrySchedule.stream
    var last = ""
    while !Task.isCancelled {
      let heard = Heard()
      var problem = "the stream ended"
      do { try await watch(heard) } catch { problem = HelperError.text(of: error) }
      if Task.isCancelled { return }
      if heard.isSet {
        retry.reset()
        last = ""
      }
      // What is wrong is said once, not at each attempt.
      logger.log(
        level: problem == last ? .debug : .error, "Error while watching \(what)", metadata: ["error": "\(problem)"])
      last = problem
      do { try await time.sleep(for: retry.next()) } catch { return }
    }
  }
}
