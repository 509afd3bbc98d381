package import Daemon
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import RPC
import ServiceLifecycle
import WebCertificates

/// The provider, put together: everything is made here once, in the order in which it depends on each other, and run until
/// SIGINT, SIGTERM or a failure.
package struct ProviderRuntime: Sendable {
  let configuration: ProviderConfiguration
  private let log: LogOutput
  let time: any TimeSource
  var logger: Logger { log.logger }

  package init(_ configuration: ProviderConfiguration, log: LogOutput, time: any TimeSource = SystemTime()) {
    self.configuration = configuration
    self.log = log
    self.time = time
  }

  /// Returns after SIGINT or SIGTERM.
  ///
  /// - Throws: why the provider cannot start, or go on.
  package func run() async throws {
    SignalService.prepare()
    OpenFileLimit.raise()
    logger.log(configuration.notices)
    if configuration.logsRequests { logger.info("Logging all requests") }
    let keys = PublishedKeys(setsKeyUse: configuration.setsKeyUse, time: time, logger: logger)
    var members: [DaemonRunner.Member] = [.init(service: SignalService(log: log), name: "signals")]
    members.append(
      .init(
        service: KeyPoller(
          source: source, interval: configuration.pollInterval, keys: keys, time: time, logger: logger),
        name: "keys"))
    if let settings = configuration.healthChecks {
      let pages = HealthPages(settings, pollInterval: configuration.pollInterval, keys: keys, time: time)
      let listener = HTTPListener(
        .anywhere(port: settings.port),
        whenListening: { [logger] in logger.info("Serving health checks", metadata: ["address": "\($0)"]) },
        answer: .now { pages.answer($0) })
      members.append(.init(service: named(listener, "health checks"), name: "health"))
    }
    members += try await listeners(keys)
    try await DaemonRunner.run(members)
  }

  private var source: any KeySource {
    switch configuration.source {
    case .serverAPI(let socket): ServerKeySource(socket: socket)
    case .workloadAPI(let socket, let trustDomain): WorkloadKeySource(socket: socket, trustDomain: trustDomain)
    case .file(let path): FileKeySource(path: path)
    }
  }

  func named(_ listener: HTTPListener, _ what: String) -> ListenerService {
    ListenerService(listener: listener, what: what)
  }

  // MARK: Listeners

  private func listeners(_ keys: PublishedKeys) async throws -> [DaemonRunner.Member] {
    switch configuration.listener {
    case .insecure(let address):
      logger.warning(
        "Serving HTTP (insecure)", metadata: ["address": "\(address)"])
      return [.init(service: named(listener(address.listener, false, keys), "\(address)"), name: "http")]
    case .socket(let path):
      let socket = try ListeningSocket.unix(path: path, mode: 0o777, directoryMode: 0o755)
      guard let descriptor = socket.take() else { return [] }
      let service = ListenerService(
        listener: listener(.socket(descriptor, name: path), false, keys), what: path, socket: socket)
      return [.init(service: service, name: "http")]
    case .files(let certificate, let key, let address, let interval):
      let files: CertificateFiles
      do {
        files = try CertificateFiles(
          of: "OIDC discovery provider", certificateFile: certificate, keyFile: key, interval: interval, time: time,
          logger: logger)
      } catch { throw OIDCError(.file, "\(error)", cause: error) }
      let https = listener(address.listener, true, keys) { channel in
        try channel.pipeline.syncOperations.addHandler(try WebTLS.serverHandler(files.current.configuration))
      }
      return [
        .init(service: files, name: "certificates"), .init(service: named(https, "\(address)"), name: "https"),
      ]
    case .acme(let settings): return try await acme(settings, keys)
    }
  }

  func listener(
    _ address: HTTPListener.Address, _ isTLS: Bool, _ keys: PublishedKeys,
    prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in }
  ) -> HTTPListener {
    let pages = DiscoveryPages(configuration, isTLS: isTLS, keys: keys, logger: logger)
    return HTTPListener(
      address, prepare: prepare,
      whenListening: { [logger] in
        logger.info("Serving HTTP\(isTLS ? "S" : "")", metadata: ["address": "\($0)"])
      }, answer: .now { pages.answer($0) })
  }
}
