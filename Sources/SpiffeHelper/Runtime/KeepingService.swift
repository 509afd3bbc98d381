import Daemon
import Logging
import SVIDFiles
import ServiceLifecycle
import WorkloadClient
import WorkloadProtos

/// The helper as a daemon: holds the streams, keeps the files, tells the command and the process. A service.
struct KeepingService: Service {
  private let parts: HelperParts
  private let command: ManagedCommand?
  private let notifier: PIDFileNotifier?
  private let x509Updates = LatestValue<WorkloadX509SVIDResponse>()
  private let bundleUpdates = LatestValue<WorkloadJWTBundlesResponse>()

  init(_ parts: HelperParts) {
    self.parts = parts
    let configuration = parts.configuration
    command = configuration.command.map {
      ManagedCommand($0, signal: configuration.signal, logger: parts.logger)
    }
    notifier = configuration.pidFile.flatMap { path in
      configuration.signal.map {
        PIDFileNotifier(path: path, signal: $0, time: parts.time, logger: parts.logger)
      }
    }
  }

  func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      if let command { group.addTask { await command.collect() } }
      await cancelWhenGracefulShutdown { await keep() }
      await command?.end()
    }
  }

  private func keep() async {
    await withTaskGroup(of: Void.self) { group in
      if let publisher = parts.x509 {
        parts.logger.info("Watching for X509 Context")
        group.addTask { await watchX509() }
        group.addTask { await x509Updates.handle(parts.time) { await publish($0, publisher) } }
      }
      if let name = parts.configuration.jwtBundleFile {
        parts.logger.info("Watching for JWT Bundles")
        group.addTask { await watchBundles() }
        group.addTask { await bundleUpdates.handle(parts.time) { await publish($0, name) } }
      }
      for token in parts.tokens { group.addTask { await token.run() } }
      if let notifier { group.addTask { await notifier.run() } }
    }
  }

  // MARK: X.509

  private func watchX509() async {
    await StreamLoop(what: "x509 context", time: parts.time, logger: parts.logger).run { heard in
      try await parts.api.watchX509SVIDs { response in
        heard.note()
        x509Updates.offer(response)
      }
    }
  }

  private func publish(_ response: WorkloadX509SVIDResponse, _ publisher: X509Publisher) async -> Bool {
    do {
      let isNew = try await publisher.publish(response)
      parts.status.setX509(.written)
      guard isNew else { return true }
    } catch {
      parts.logger.error("Unable to dump bundle", metadata: ["error": "\(error)"])
      parts.status.setX509(.failed)
      return false
    }
    parts.logger.info("X.509 certificates updated")
    await command?.renewed()
    notifier?.renewed()
    return true
  }

  // MARK: JWT bundles

  private func watchBundles() async {
    await StreamLoop(what: "JWT bundles", time: parts.time, logger: parts.logger).run { heard in
      try await parts.api.watchJWTBundles { response in
        heard.note()
        bundleUpdates.offer(response)
      }
    }
  }

  private func publish(_ response: WorkloadJWTBundlesResponse, _ name: String) async -> Bool {
    let path = parts.configuration.path(name)
    do {
      try await parts.files.write([
        PlannedFile(
          name: name, bytes: try JWTBundleDocument.encode(response), mode: parts.configuration.jwtBundleMode)
      ])
    } catch {
      parts.logger.error("Error writing JWT Bundle to disk", metadata: ["error": "\(error)"])
      parts.status.set(path, .failed)
      return false
    }
    parts.status.set(path, .written)
    parts.logger.info("JWT bundle updated")
    return true
  }
}
