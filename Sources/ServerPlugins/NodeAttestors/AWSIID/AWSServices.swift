import AWS
import Daemon
import FoundationEssentials
import HTTP
import Keys

/// AWS as this plugin calls it: with the credentials of its configuration or of the environment, or in a role that these
/// may assume. Roles' credentials are shared by all calls. A value.
struct AWSServices: Sendable {
  private let endpoints: AWSEndpoints
  private let given: AWSCredentials?
  private let security: HTTPSecurity
  private let client: AttestorHTTP
  private let time: any TimeSource
  private let roles: AWSRoles
  private let chain: AWSChain

  init(given: AWSCredentials?, environment: [String: String], time: any TimeSource) {
    endpoints = AWSEndpoints(environment: environment)
    self.given = given
    security = HTTPSecurity(.web(.system(environment: environment)))
    client = AttestorHTTP(.awsServices, environment: environment)
    self.time = time
    roles = AWSRoles(time: time)
    let anonymous = AWSAPI(endpoints: endpoints, credentials: nil, security: security, client: client, time: time)
    chain = AWSChain(environment: environment, anonymous: anonymous, time: time)
  }

  /// - Parameter role: an ARN; nil to call as oneself.
  func api(role: String?, region: String) -> AWSAPI {
    let own = AWSAPI(
      endpoints: endpoints,
      credentials: { [given, chain] () throws(AWSError) in
        if let given { return given }
        return try await chain.credentials(region: region)
      }, security: security, client: client, time: time)
    guard let role else { return own }
    return AWSAPI(
      endpoints: endpoints,
      credentials: { [roles] () throws(AWSError) in
        try await roles.credentials(of: role, session: "spire-server", region: region, through: own)
      }, security: security, client: client, time: time)
  }
}

/// Credentials from where AWS's own tools look for them, kept until shortly before they end. An actor isolates them; the
/// look-up, which may block, runs beside the cooperative pool.
actor AWSChain {
  /// The longest token of a web identity.
  private static let maximumToken = 64 << 10

  private let environment: [String: String]
  /// Calls STS for who has no credentials yet.
  private let anonymous: AWSAPI
  private let time: any TimeSource
  private var kept: (credentials: AWSCredentials, end: Date)?

  init(environment: [String: String], anonymous: AWSAPI, time: any TimeSource) {
    self.environment = environment
    self.anonymous = anonymous
    self.time = time
  }

  /// - Parameter region: whose STS is asked, if it has to be.
  func credentials(region: String) async throws(AWSError) -> AWSCredentials {
    if let kept, time.now < kept.end { return kept.credentials }
    let environment = environment
    let (source, token): (AWSCredentialChain.Source, String)
    do {
      (source, token) = try await BackgroundWork.run {
        let source = try AWSCredentialChain(environment: environment).source()
        guard case .webIdentity(let identity) = source else { return (source, "") }
        return (source, try Self.token(identity.tokenFile))
      }
    } catch {
      throw error as? AWSError ?? AWSError("\(error)")
    }
    let found: AWSCredentials
    switch source {
    case .credentials(let credentials): found = credentials
    case .webIdentity(let identity):
      found = try await anonymous.credentials(of: identity, token: token, region: region)
    }
    let end = found.expiresAt?.addingTimeInterval(-300) ?? time.now.addingTimeInterval(300)
    kept = (found, end)
    return found
  }

  private static func token(_ path: String) throws(AWSError) -> String {
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: maximumToken) } catch {
      throw AWSError("the token of the web identity cannot be read: \(error)")
    }
    guard let bytes, !bytes.isEmpty else { throw AWSError("the token of the web identity, \(path), is not there") }
    return String(decoding: bytes, as: UTF8.self)
  }
}
