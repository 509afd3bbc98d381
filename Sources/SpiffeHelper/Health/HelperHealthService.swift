import Daemon
import Logging
import ServiceLifecycle

/// The listener of the health pages. A service; where it cannot listen it says so and the files are kept all the same, as
/// upstream does.
struct HelperHealthService: Service {
  let pages: HelperHealthPages
  let logger: Logger

  func run() async throws {
    let listener = HTTPListener(
      .anywhere(port: pages.settings.port),
      whenListening: { [logger] in logger.info("Starting health server", metadata: ["address": "\($0)"]) },
      answer: .now { [pages] in pages.answer($0) })
    do { try await listener.run() } catch {
      logger.warning("Error serving health checks", metadata: ["error": "\(error)"])
    }
  }
}
