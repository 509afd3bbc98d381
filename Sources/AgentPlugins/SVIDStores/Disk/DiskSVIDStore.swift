package import Daemon
package import Logging
import SPIFFE
package import SVIDFiles
import Synchronization

/// The SVID store `disk`: X509-SVIDs as PEM files, and as a JSON document, in a folder per entry below one base folder
/// (docs/plugins/svidstore-disk.md).
///
/// The agent puts and deletes one at a time. Files are written on the ``BackgroundQueue``; a mutex guards the settings and
/// who has which folder.
package final class DiskSVIDStore: SVIDStore {
  package static let pluginName = "disk"
  /// How long the configured program has.
  private static let commandLimit: Duration = .seconds(30)

  private struct State {
    var configuration: DiskStoreConfiguration?
    /// The metadata that each folder was written for since the start.
    var owners: [[String]: Set<String>] = [:]
  }

  package var name: String { Self.pluginName }
  private let time: any TimeSource
  private let logger: Logger
  private let state = Mutex(State())

  package init(time: any TimeSource = SystemTime(), logger: Logger) {
    self.time = time
    self.logger = logger
  }

  /// Takes over settings, at the start and when they change; what is stored stays where it is.
  package func configure(_ configuration: DiskStoreConfiguration) async throws(AgentPluginError) {
    try await run { () throws(AgentPluginError) in
      try DiskStoreFolder.check(configuration.baseDirectory)
      _ = try DiskStoreOwner.resolve(user: configuration.user, group: configuration.group)
    }
    state.withLock { $0.configuration = configuration }
  }

  package func put(_ svid: X509Material, metadata: [String]) async throws(AgentPluginError) {
    let (configuration, place) = try prepare(metadata)
    let taken = state.withLock { $0.owners[place.folders] }
    if let taken, taken != Set(metadata) {
      throw AgentPluginError(
        .failedPrecondition,
        "svidstore(disk): the folder \"\(place.folders.joined(separator: "/"))\" holds the SVID of another entry")
    }
    let now = time.now
    try await run { () throws(AgentPluginError) in
      try DiskStoreFolder(configuration, place).write(svid, at: now)
    }
    state.withLock { $0.owners[place.folders] = Set(metadata) }
    await tell(configuration, place, event: "put", id: svid.id.description)
  }

  package func delete(metadata: [String]) async throws(AgentPluginError) {
    let (configuration, place) = try prepare(metadata)
    // The folder may have gone to another entry before this one was deleted.
    if let owner = state.withLock({ $0.owners[place.folders] }), owner != Set(metadata) { return }
    let wasThere = try await run { () throws(AgentPluginError) in try DiskStoreFolder(configuration, place).remove() }
    state.withLock { $0.owners[place.folders] = nil }
    if wasThere { await tell(configuration, place, event: "delete", id: "") }
  }

  private func prepare(_ metadata: [String]) throws(AgentPluginError) -> (DiskStoreConfiguration, DiskStorePlace) {
    guard let configuration = state.withLock(\.configuration) else {
      throw AgentPluginError(.failedPrecondition, "svidstore(disk): not configured")
    }
    return (configuration, try DiskStorePlace(metadata))
  }

  private func run<T: Sendable>(
    _ work: @escaping @Sendable () throws(AgentPluginError) -> T
  ) async throws(AgentPluginError) -> T {
    do { return try await BackgroundQueue.shared.run { try work() } } catch let error as AgentPluginError {
      throw error
    } catch {
      throw AgentPluginError(.unavailable, "svidstore(disk): \(error)", cause: error)
    }
  }

  /// Runs the program and signals the process that are to hear of it. The files are in place already, so what fails here
  /// is logged, and the next change tries again.
  private func tell(
    _ configuration: DiskStoreConfiguration, _ place: DiskStorePlace, event: String, id: String
  ) async {
    let directory = configuration.baseDirectory + "/" + place.folders.joined(separator: "/")
    let fields: Logger.Metadata = ["dir": "\(directory)"]
    if !configuration.command.isEmpty {
      let outcome: String?
      do throws(SVIDFileError) {
        let program = try RunningProgram.start(
          configuration.command, configuration.commandArguments,
          environment: ["SVID_DIR": directory, "SVID_EVENT": event, "SPIFFE_ID": id], streams: .errorsOnly)
        let status = await program.waitForExit(within: Self.commandLimit, time)
        outcome = status == 0 ? nil : status < 0 ? "ended by signal \(-status)" : "exit status \(status)"
      } catch { outcome = error.message }
      if let outcome {
        logger.error(
          "The command after a change failed",
          metadata: fields.merging(["cmd": "\(configuration.command)", "error": "\(outcome)"]) { $1 })
      }
    }
    guard let signal = configuration.signal else { return }
    do throws(SVIDFileError) { try PIDFile.send(signal, toProcessIn: configuration.pidFile) } catch {
      logger.error("Unable to signal PID file", metadata: fields.merging(["error": "\(error)"]) { $1 })
    }
  }
}
