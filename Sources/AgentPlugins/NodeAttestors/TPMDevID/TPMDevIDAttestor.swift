import Keys
import Logging
import NodeProofs
import Plugins
import Synchronization

/// The agent's half of the node attestor `tpm_devid`: shows a device identity whose key is in the TPM of this machine, and
/// lets the TPM prove it (agent-plugins §1).
///
/// Files are read and keys are loaded anew for each attestation, and taken out of the TPM at its end. The TPM's calls run
/// on threads that may block. A mutex guards the settings, which the catalog may replace.
package final class TPMDevIDAttestor: NodeAttestor {
  package static let pluginName = TPMDevIDMessages.pluginName

  private struct State {
    var settings: TPMDevIDSettings?
    /// Why the TPM did not let the key be used. Each attempt with a wrong password brings it nearer to the moment when it
    /// refuses the right ones too.
    var refusal: String?
  }

  /// Whether the attestation was given up.
  private final class GivenUp: Sendable {
    let value = Atomic(false)
  }

  private let logger: Logger
  private let devices: String
  private let manner: TPMDevice.Manner
  private let library: @Sendable () throws -> TPMLibrary
  private let state = Mutex(State())

  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { TPMDevIDAttestor(logger: $0.logger) },
    configure: { plugin, data in try await (plugin as? TPMDevIDAttestor)?.configure(data) },
    validate: { _ = try TPMDevIDSettings($0) })

  /// - Parameter devices: where TPMs are looked for.
  init(
    logger: Logger, devices: String = "/dev", manner: TPMDevice.Manner = .init(),
    library: @escaping @Sendable () throws -> TPMLibrary = { try TPMLibrary.shared() }
  ) {
    self.logger = logger
    self.devices = devices
    self.manner = manner
    self.library = library
  }

  package var name: String { Self.pluginName }

  private static func failure(
    _ code: AgentPluginError.Code, _ message: String, _ cause: (any Error)? = nil
  ) -> AgentPluginError {
    .nodeAttestor(pluginName, code, message, cause: cause)
  }

  /// Reads the configuration, and the files that it names to see that they are of use; finds the TPM. Leaves it alone.
  func configure(_ data: PluginData) async throws {
    var new = try TPMDevIDSettings(data)
    if new.device.isEmpty {
      do throws(TPMFault) { new.device = try TPMDevicePath.detect(in: devices) } catch {
        throw Self.failure(.internalError, "tpm autodetection failed: \(error)", error)
      }
    }
    let settings = new
    _ = try await BackgroundWork.run { try Self.files(settings) }
    do { _ = try library() } catch { throw Self.failure(.failedPrecondition, "\(error)", error) }
    state.withLock { $0 = State(settings: settings) }
  }

  private static func files(_ settings: TPMDevIDSettings) throws(AgentPluginError) -> DevIDFiles {
    do throws(TPMFault) {
      return try DevIDFiles(
        certificate: settings.certificate, publicArea: settings.publicArea, sealedKey: settings.sealedKey)
    } catch {
      throw failure(.internalError, "unable to load DevID files: \(error)", error)
    }
  }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    let (current, refusal) = state.withLock { ($0.settings, $0.refusal) }
    guard let settings = current else { throw Self.failure(.failedPrecondition, "not configured") }
    if let refusal {
      throw Self.failure(
        .failedPrecondition,
        "\(refusal); it is not tried again before the configuration is read again, so as not to lock the TPM")
    }
    let givenUp = GivenUp()
    return try await withTaskCancellationHandler {
      let (session, payload): (TPMSession, [UInt8])
      do { (session, payload) = try await BackgroundWork.run { try self.open(settings, givenUp) } } catch {
        try Task.checkCancellation()
        throw error
      }
      do {
        let result = try await body(
          NodeEvidence(payload: payload) { bytes in
            try await BackgroundWork.run { try self.answer(bytes, session, settings) }
          })
        await Self.close(session)
        return result
      } catch {
        await Self.close(session)
        throw error
      }
    } onCancel: {
      givenUp.value.store(true, ordering: .relaxed)
    }
  }

  private static func close(_ session: TPMSession) async { try? await BackgroundWork.run { session.close() } }

  private func open(
    _ settings: TPMDevIDSettings, _ givenUp: GivenUp
  ) throws(AgentPluginError) -> (TPMSession, [UInt8]) {
    let files = try Self.files(settings)
    let device: TPMDevice
    do {
      device = try TPMDevice(settings.device, library: library(), manner: manner) {
        givenUp.value.load(ordering: .relaxed)
      }
    } catch {
      let words = "unable to start a new TPM session: cannot open TPM at \"\(settings.device)\": \(error)"
      throw Self.failure(.internalError, words, error)
    }
    let session: TPMSession
    do throws(TPMFault) {
      session = try TPMSession(device, files: files, passwords: settings.passwords, logger: logger)
    } catch {
      throw refused(error.after("unable to start a new TPM session: "), settings)
    }
    do throws(TPMFault) { return (session, try session.payload().encoded) } catch {
      session.close()
      throw refused(error, settings)
    }
  }

  private func answer(
    _ bytes: [UInt8], _ session: TPMSession, _ settings: TPMDevIDSettings
  ) throws(AgentPluginError) -> [UInt8] {
    let challenge: TPMDevIDMessages.Challenge
    do { challenge = try TPMDevIDMessages.Challenge(bytes) } catch {
      throw Self.failure(.invalidArgument, "unable to unmarshall challenges: \(error)", error)
    }
    do throws(TPMFault) { return try session.answer(challenge).encoded } catch { throw refused(error, settings) }
  }

  /// The plugin's error; remembers that the TPM counts wrong passwords, if it said so.
  private func refused(_ fault: TPMFault, _ settings: TPMDevIDSettings) -> AgentPluginError {
    if fault.isCounted {
      state.withLock { state in
        if state.settings == settings { state.refusal = fault.description }
      }
    }
    return Self.failure(fault.isCounted ? .failedPrecondition : .internalError, fault.description, fault)
  }
}
