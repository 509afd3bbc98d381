import Logging
package import ServiceLifecycle
import UnixSignals

/// Runs the services of a daemon until SIGINT or SIGTERM, or until one of them fails.
///
/// ```swift
/// do {
///   try await DaemonRunner.run([.init(service: datastore, name: "datastore"), .init(service: endpoint, name: "api")])
///   logger.info("Server stopped gracefully")
///   return 0
/// } catch {
///   logger.error("Server crashed", metadata: ["error": "\(error)"])
///   return 1
/// }
/// ```
package enum DaemonRunner {
  package struct Member: Sendable {
    let service: any Service
    let name: String
    let ending: Ending

    /// - Parameter ending: what it means when the service returns before the shutdown.
    package init(service: any Service, name: String, ending: Ending = .isFailure) {
      self.service = service
      self.name = name
      self.ending = ending
    }
  }

  /// What the return of a service means.
  package enum Ending: Sendable {
    /// A daemon without it is broken.
    case isFailure
    /// The daemon's work is done; it shuts down gracefully.
    case endsDaemon
    /// Nothing: the others go on.
    case isIgnored

    var behaviour: ServiceGroupConfiguration.ServiceConfiguration.TerminationBehavior {
      switch self {
      case .isFailure: .cancelGroup
      case .endsDaemon: .gracefullyShutdownGroup
      case .isIgnored: .ignore
      }
    }
  }

  /// Returns after a graceful shutdown. Services start in order and stop one after the other in reverse.
  ///
  /// - Parameters:
  ///   - patience: after this the rest is cancelled.
  /// - Throws: the error of the first service that failed.
  package static func run(
    _ members: [Member], stopSignals: Bool = true, patience: Duration = .seconds(30)
  ) async throws {
    // The lifecycle library's own records are not upstream's.
    let silent = Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
    var configuration = ServiceGroupConfiguration(
      services: members.map {
        ServiceGroupConfiguration.ServiceConfiguration(
          service: $0.service, successTerminationBehavior: $0.ending.behaviour,
          failureTerminationBehavior: .cancelGroup, serviceName: $0.name)
      },
      gracefulShutdownSignals: stopSignals ? [.sigint, .sigterm] : [], logger: silent)
    configuration.maximumGracefulShutdownDuration = patience
    try await ServiceGroup(configuration: configuration).run()
  }
}
