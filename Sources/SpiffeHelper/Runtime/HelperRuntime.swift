package import Daemon
import Glibc
package import Logging
import ServiceLifecycle

/// The helper, put together: everything is made here once and run until SIGINT, SIGTERM, or, with `daemon_mode = false`,
/// until the files are written.
package struct HelperRuntime: Sendable {
  private let configuration: HelperConfiguration
  private let logger: Logger
  private let time: any TimeSource

  package init(_ configuration: HelperConfiguration, logger: Logger, time: any TimeSource = SystemTime()) {
    self.configuration = configuration
    self.logger = logger
    self.time = time
  }

  /// - Throws: why the files could not be written, when that was all that there was to do.
  package func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    logger.log(configuration.notices)
    logger.info(configuration.isDaemon ? "Launching daemon" : "Daemon mode disabled")
    try await DaemonRunner.run(members())
  }

  func members() -> [DaemonRunner.Member] {
    let parts = HelperParts(configuration, time: time, logger: logger)
    guard configuration.isDaemon else {
      return [.init(service: FetchingService(parts: parts), name: "files", ending: .endsDaemon)]
    }
    var members: [DaemonRunner.Member] = []
    if let settings = configuration.healthChecks {
      let pages = HelperHealthPages(settings: settings, status: parts.status)
      members.append(
        .init(service: HelperHealthService(pages: pages, logger: logger), name: "health", ending: .isIgnored))
    }
    members.append(.init(service: KeepingService(parts), name: "files"))
    return members
  }
}
