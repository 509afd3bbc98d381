import Daemon
import HTTP
import Synchronization

/// Access tokens for Azure Resource Manager: kept, renewed before they end, and asked for once for all who need one at once.
/// Shared by the calls of a plugin; ``AzureOnce`` isolates what is kept, a mutex what a chain has chosen.
package struct AzureTokens: Sendable {
  static let resource = "https://management.azure.com"

  /// Which link of a chain gave a token: it stays the one for as long as the server runs.
  private final class Choices: Sendable {
    private let chosen = Mutex<[AzureCredentialChain: Int]>([:])
    subscript(chain: AzureCredentialChain) -> Int? { chosen.withLock { $0[chain] } }
    func note(_ chain: AzureCredentialChain, _ link: Int) { chosen.withLock { $0[chain] = link } }
  }

  private let web: AzureWeb
  private let kept: AzureOnce<AzureCredential, String>
  private let choices = Choices()

  package init(_ web: AzureWeb) {
    self.web = web
    kept = AzureOnce(time: web.time)
  }

  func token(of credential: AzureCredential) async throws(AzureError) -> String {
    try await kept.renewed(credential) { () throws(AzureError) in
      let token = try await fetch(credential)
      return .init(token.text, lifetime: token.lifetime, renewal: token.renewal)
    }
  }

  /// A token that was not taken is not used again.
  func forget(_ credential: AzureCredential) async { await kept.forget(credential) }

  private func fetch(_ credential: AzureCredential) async throws(AzureError) -> AzureToken {
    guard case .chain(let chain) = credential else { return try await single(credential, isProbed: false) }
    return try await first(of: chain)
  }

  private func single(_ credential: AzureCredential, isProbed: Bool) async throws(AzureError) -> AzureToken {
    let login = AzureLogin(web: web)
    switch credential {
    case .secret(let tenant, let application, let secret):
      return try await login.secret(tenant, application, secret)
    case .certificate(let tenant, let application, let file):
      return try await login.certificate(tenant, application, file)
    case .password(let tenant, let application, let user, let password):
      return try await login.password(tenant, application, user, password)
    case .tokenFile(let tenant, let application, let path):
      return try await login.tokenFile(tenant, application, path)
    case .managed(let identity): return try await identity.token(web, isProbed: isProbed)
    case .commandLine(let tenant):
      return try await AzureCommandLine(environment: web.places.environment, tenant: tenant).token(at: web.time.now)
    case .chain(let chain): return try await first(of: chain)
    }
  }

  /// A source that is not there leads on to the next; one that is there and fails ends the search, so that nobody becomes
  /// somebody else because of an outage or a typo.
  private func first(of chain: AzureCredentialChain) async throws(AzureError) -> AzureToken {
    var reasons: [String] = []
    let chosen = choices[chain]
    for (index, link) in chain.links.enumerated() where chosen == nil || chosen == index {
      guard case .found(let credential) = link.state else {
        if case .missing(let why) = link.state { reasons.append("\(link.name): \(why)") }
        continue
      }
      do {
        let token = try await single(credential, isProbed: chosen == nil && chain.links.count > 1)
        if chosen == nil { choices.note(chain, index) }
        return token
      } catch  where error.code == .absent && chosen == nil {
        reasons.append("\(link.name): \(error.message)")
      } catch {
        throw error.code == .cancelled
          ? error
          : AzureError(error.code == .absent ? .unavailable : error.code, "\(link.name): \(error.message)")
      }
    }
    throw AzureError(
      .configuration,
      "DefaultAzureCredential: failed to acquire a token. Attempted credentials: \(reasons.joined(separator: "; "))")
  }
}
