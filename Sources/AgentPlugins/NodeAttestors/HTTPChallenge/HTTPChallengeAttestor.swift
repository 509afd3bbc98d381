import Daemon
import Glibc
import HCL
import NodeProofs
import Plugins
import Synchronization

/// The agent's half of the node attestor `http_challenge`: shows the server's number on a port of this host
/// (agent-plugins §1).
///
/// The port is open while an attestation runs and shows nothing before the server has given its number; connections and
/// their time are bounded by the listener. A mutex guards the settings, which the catalog may replace.
package final class HTTPChallengeAttestor: NodeAttestor {
  package static let pluginName = HTTPChallengeMessages.pluginName

  struct Settings: Hashable, Sendable {
    let hostname: String
    let agentName: String
    /// 0 for one that is free.
    let port: Int
    /// What the server is told; 0 for the port that is bound.
    let advertisedPort: Int

    init(_ data: PluginData) throws(AgentPluginError) {
      var reading = try NodeAttestorSettings(data, of: HTTPChallengeAttestor.pluginName)
      let hostname = reading.root.string("hostname") ?? ""
      let agentName = reading.root.string("agentname") ?? ""
      port = reading.root.int("port") ?? 0
      let advertised = reading.root.int("advertised_port") ?? 0
      advertisedPort = advertised == 0 ? port : advertised
      self.hostname = hostname.isEmpty ? HTTPChallengeAttestor.systemHostname() : hostname
      self.agentName = agentName.isEmpty ? "default" : agentName
      if self.hostname.isEmpty { reading.report("unable to fetch hostname; set hostname") }
      if !(0...65535).contains(port) { reading.report("port must be between 0 and 65535, not \(port)") }
      if !(0...65535).contains(advertisedPort) {
        reading.report("advertised_port must be between 0 and 65535, not \(advertisedPort)")
      }
      // The server would say so with each attestation.
      if !HTTPChallengeMessages.isAgentName(self.agentName) {
        reading.report(
          "agentname must be a letter, then letters, digits and hyphens, at most "
            + "\(HTTPChallengeMessages.maximumNameLength)")
      }
      try reading.finish()
    }
  }

  private let settings = Mutex<Settings?>(nil)

  static let plugin = BuiltInPlugin<any NodeAttestor>(
    pluginName, make: { _ in HTTPChallengeAttestor() },
    configure: { plugin, data in try (plugin as? HTTPChallengeAttestor)?.configure(data) },
    validate: { _ = try Settings($0) })

  init() {}

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let new = try Settings(data)
    settings.withLock { $0 = new }
  }

  package var name: String { Self.pluginName }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    guard let settings = settings.withLock({ $0 }) else {
      throw AgentPluginError.nodeAttestor(name, .failedPrecondition, "not configured")
    }
    let shown = ShownNonce(path: HTTPChallengeMessages.path(agent: settings.agentName))
    let listener = HTTPListener(.anywhere(port: settings.port), answer: .now { shown.answer($0) })
    let problem = ListenProblem()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await listener.run() } catch { problem.note(error) }
      }
      defer { group.cancelAll() }
      guard let port = await listener.boundPort else {
        throw AgentPluginError.nodeAttestor(
          Self.pluginName, .internalError, "could not listen on port \(settings.port): \(problem.text)")
      }
      return try await body(Self.evidence(settings, port, shown))
    }
  }

  private static func evidence(_ settings: Settings, _ bound: Int, _ shown: ShownNonce) -> NodeEvidence {
    let payload = HTTPChallengeMessages.Payload(
      hostname: settings.hostname, agentName: settings.agentName,
      port: settings.advertisedPort == 0 ? bound : settings.advertisedPort)
    return NodeEvidence(payload: payload.encoded) { bytes in
      do { shown.show(try HTTPChallengeMessages.Challenge(bytes).nonce) } catch {
        throw AgentPluginError.nodeAttestor(
          Self.pluginName, .internalError, "unable to unmarshal challenge: \(error)", cause: error)
      }
      return HTTPChallengeMessages.response
    }
  }

  /// The name of this machine; empty if it cannot be found.
  private static func systemHostname() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// The page with the server's number: nothing before there is one. A mutex guards it; the listener's event loops read.
final class ShownNonce: Sendable {
  private let path: String
  private let nonce = Mutex<String?>(nil)

  init(path: String) { self.path = path }

  func show(_ text: String) { nonce.withLock { $0 = text } }

  func answer(_ request: HTTPListener.Request) -> HTTPListener.Response {
    guard request.path == path, let nonce = nonce.withLock({ $0 }) else {
      return .init(status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n")
    }
    return .init(status: 200, contentType: "text/plain; charset=utf-8", body: nonce + "\n")
  }
}

/// Why the port could not be opened. A mutex guards it: the listener's task writes, the attestation reads.
private final class ListenProblem: Sendable {
  private let state = Mutex("the listener ended")

  var text: String { state.withLock { $0 } }

  func note(_ error: any Error) { state.withLock { $0 = "\(error)" } }
}
