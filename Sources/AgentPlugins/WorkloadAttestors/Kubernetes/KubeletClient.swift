import Daemon
import HTTP
import Keys
import Kubernetes
import Logging
import SPIFFE
import Synchronization

/// Asks the kubelet of this node for its pods (agent-plugins §8).
///
/// Certificates, keys and tokens are read again after `reload_interval`, and at once when the kubelet refuses them; where they
/// cannot be read, those that were read before stay in use. A mutex guards them; files are read on a queue of their own.
final class KubeletClient: Sendable {
  /// What the settings' files held.
  private struct Access: Sendable {
    var token: String?
    var authorities: [[UInt8]] = []
    var identity: HTTPIdentity?
    var loadedAt = Duration.zero

    func isSame(as other: Access) -> Bool {
      token == other.token && authorities == other.authorities
        && identity?.certificates == other.identity?.certificates && identity?.privateKey == other.identity?.privateKey
    }
  }

  /// How long one request may take.
  static let deadline = Duration.seconds(10)
  /// A node with 500 pods has answers of some megabytes.
  static let maximumAnswer = 32 << 20
  private static let maximumToken = 64 << 10

  private let settings: KubeletSettings
  private let url: WebURL
  private let http = HTTPClient(
    .init(connect: KubeletClient.deadline, answer: KubeletClient.deadline, maximumBody: KubeletClient.maximumAnswer))
  private let time: any TimeSource
  private let logger: Logger
  private let queue: BackgroundQueue
  private let access: Mutex<Access>

  /// Reads the files; throws what is wrong with them.
  init(_ settings: KubeletSettings, time: any TimeSource, logger: Logger, queue: BackgroundQueue) throws {
    self.settings = settings
    self.time = time
    self.logger = logger
    self.queue = queue
    url = try settings.url()
    var access = try Self.load(settings)
    access.loadedAt = time.steady
    self.access = Mutex(access)
  }

  /// The pods as the kubelet tells them now.
  func pods() async throws(AgentPluginError) -> [PodRecord] {
    var used = access.withLock { $0 }
    if time.steady - used.loadedAt >= settings.reloadInterval { used = await reload(used) }
    var answer: HTTPAnswer
    do {
      answer = try await send(used)
      if answer.status == 401 || answer.status == 403 {
        let fresh = await reload(used)
        if !fresh.isSame(as: used) { answer = try await send(fresh) }
      }
    } catch let failure as HTTPFailure where failure.isAuthentication {
      // The kubelet's certificate may be of an authority that the file has by now.
      let fresh = await reload(used)
      guard !fresh.isSame(as: used) else { throw unreachable(failure) }
      do { answer = try await send(fresh) } catch { throw unreachable(error) }
    } catch {
      throw unreachable(error)
    }
    guard answer.status == 200 else {
      let said = OutsideText.line(answer.body.prefix(1024))
      throw KubernetesAttestor.failure(
        .unavailable, "unexpected status code on pods response: \(answer.status) \(said)")
    }
    return try PodList.parse(answer.body) { count in
      logger.warning("Pod has no UID", metadata: ["count": .stringConvertible(count)])
    }
  }

  private func unreachable(_ error: any Error) -> AgentPluginError {
    KubernetesAttestor.failure(
      .unavailable, "unable to perform request: Get \(GoText.quote("\(url)")): \(error)", cause: error)
  }

  private func send(_ access: Access) async throws -> HTTPAnswer {
    var request = HTTPRequest(.get, url, headers: [HTTPField("Accept", "application/json")])
    if let token = access.token, !token.isEmpty {
      request.headers.append(HTTPField("Authorization", "Bearer " + token))
    }
    return try await http.send(request, over: try route(access))
  }

  private func route(_ access: Access) throws -> HTTPRoute {
    guard settings.isSecure else { return .plain }
    let trust: ServerTrust
    if settings.skipsVerification {
      trust = .unverified
    } else {
      let roots = try WebRoots.only(der: access.authorities)
      // Without a node name the kubelet is this host's, reached at 127.0.0.1, and its certificate may have any name.
      trust = settings.nodeName.isEmpty ? .webChain(roots) : .web(roots)
    }
    return .https(HTTPSecurity(trust, identity: access.identity))
  }

  private func reload(_ used: Access) async -> Access {
    do {
      var fresh = try await queue.run { [settings] in try Self.load(settings) }
      fresh.loadedAt = time.steady
      access.withLock { [fresh] in $0 = fresh }
      return fresh
    } catch {
      logger.warning("Unable to load kubelet client", metadata: ["error": "\(error)"])
      return used
    }
  }

  private static func load(_ settings: KubeletSettings) throws -> Access {
    var access = Access()
    guard settings.isSecure else { return access }
    if !settings.skipsVerification {
      access.authorities = try step("unable to load kubelet CA") {
        try PEMFile.certificates(settings.authorityPath, setting: "kubelet_ca_path")
      }
      _ = try step("unable to parse kubelet CA") { try WebRoots.only(der: access.authorities) }
    }
    switch settings.credential {
    case .anonymous: break
    case .certificate(let certificate, let key):
      let certificates = try step("unable to load certificate") {
        try PEMFile.certificates(certificate, setting: "certificate_path")
      }
      let key = try step("unable to load private key") { try PEMFile.privateKey(key, setting: "private_key_path") }
      let identity = HTTPIdentity(certificates: certificates, privateKey: key)
      try step("unable to load keypair") { try identity.check() }
      access.identity = identity
    case .token(let path):
      access.token = try step("unable to load token") {
        guard let bytes = try BoundedFile.read(path, limit: maximumToken) else {
          throw FileError(operation: "open", path: path, detail: "no such file or directory")
        }
        return OutsideText.trimmed(bytes)
      }
    }
    return access
  }

  private static func step<T>(_ what: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch {
      throw KubernetesAttestor.failure(.invalidArgument, "\(what): \(error)", cause: error)
    }
  }
}
