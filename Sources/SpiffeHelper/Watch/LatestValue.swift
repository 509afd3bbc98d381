import Daemon
import Synchronization

/// The newest of the values that arrive, handled one after the other and again until that works; what is overtaken
/// meanwhile is left out.
///
/// A watch puts values in, from any task; one task runs ``handle(_:_:)``. A lock guards the value.
final class LatestValue<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let bell = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  func offer(_ value: Value) {
    self.value.withLock { $0 = value }
    bell.continuation.yield()
  }

  /// Runs until the task is cancelled.
  ///
  /// - Parameter body: true when it worked.
  func handle(_ time: any TimeSource, _ body: (Value) async -> Bool) async {
    for await _ in bell.stream {
      var retry = RetrySchedule.files
      while let value = value.withLock({ $0 }), await !body(value) {
        do { try await time.sleep(for: retry.next()) } catch { return }
      }
    }
  }
}
