import HTTP
import Keys
import Synchronization
import TLS

/// The way to Vault. ``VaultClient`` uses one; tests have their own.
protocol VaultTransport: Sendable {
  /// Reads what the way is made of again: certificates and keys may have been replaced.
  func reload() async throws(VaultError)
  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPAnswer
}

/// HTTP to the Vault of some settings. A mutex guards what was read from files; they are read beside the cooperative pool.
final class VaultHTTP: VaultTransport {
  private let settings: VaultSettings
  private let tls: TLSPolicy
  private let client = HTTPClient(
    .init(connect: .seconds(5), answer: .seconds(15), maximumBody: VaultAnswer.maximumSize))
  private let route = Mutex<HTTPRoute?>(nil)

  init(_ settings: VaultSettings, _ tls: TLSPolicy = TLSPolicy()) {
    self.settings = settings
    self.tls = tls
  }

  func reload() async throws(VaultError) {
    guard settings.address.scheme == .https else { return route.withLock { $0 = .plain } }
    let settings = settings
    let identity: HTTPIdentity?
    do {
      identity = try await BackgroundWork.run {
        if !settings.authorityPath.isEmpty {
          _ = try PEMFile.certificates(settings.authorityPath, setting: "ca_cert_path")
        }
        guard case .certificate(_, _, let certificate, let key) = settings.auth else { return nil }
        let identity = HTTPIdentity(
          certificates: try PEMFile.certificates(certificate, setting: "client_cert_path"),
          privateKey: try PEMFile.privateKey(key, setting: "client_key_path"))
        do { try identity.check() } catch {
          throw VaultError(
            .configuration, "client_cert_path \(certificate) and client_key_path \(key) do not fit together",
            cause: error)
        }
        return identity
      }
    } catch {
      throw error as? VaultError ?? VaultError(.configuration, "\(error)", cause: error)
    }
    let trust: ServerTrust
    if settings.skipsVerification {
      trust = .unverified
    } else {
      trust = .web(settings.authorityPath.isEmpty ? settings.systemRoots : .file(settings.authorityPath))
    }
    var security = HTTPSecurity(trust, identity: identity)
    security.policy = tls
    route.withLock { [security] in $0 = .https(security) }
  }

  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPAnswer {
    guard let route = route.withLock({ $0 }) else { throw .unreachable("the way to Vault is not known yet") }
    return try await client.send(request, over: route)
  }
}
