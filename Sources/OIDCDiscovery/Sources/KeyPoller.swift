import Daemon
import GRPCCore
import Logging
import ServiceLifecycle

/// Asks a source for the keys at once and after each interval, and listens to what it tells in between. A service; what
/// fails is logged, and the keys that were there stay.
struct KeyPoller: Service {
  let source: any KeySource
  let interval: Duration
  let keys: PublishedKeys
  let time: any TimeSource
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup { group in
        group.addTask { await poll() }
        group.addTask { await listen() }
      }
    }
  }

  private func poll() async {
    while !Task.isCancelled {
      do {
        keys.publish(try await source.keys())
      } catch {
        if Task.isCancelled { return }
        logger.warning("Failed to fetch the JWT keys", metadata: ["error": "\(Self.text(error))"])
      }
      do { try await time.sleep(for: interval) } catch { return }
    }
  }

  private func listen() async {
    while !Task.isCancelled {
      // Whether it works is the poll's business to say.
      try? await source.watch { [keys] in keys.publish($0) }
      do { try await time.sleep(for: interval) } catch { return }
    }
  }

  private static func text(_ error: any Error) -> String {
    guard let error = error as? RPCError else { return "\(error)" }
    return "rpc error: code = \(error.code) desc = \(error.message)"
  }
}
