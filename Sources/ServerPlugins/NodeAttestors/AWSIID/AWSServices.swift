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
  private let environment: [String: String]
  private let time: any TimeSource
  private let roles: AWSRoles
  private let chain: AWSChain

  init(partition: String, given: AWSCredentials?, environment: [String: String], time: any TimeSource) {
    endpoints = AWSEndpoints(partition: partition, environment: environment)
    self.given = given
    security = HTTPSecurity(.web(.system(environment: environment)))
    self.environment = environment
    self.time = time
    roles = AWSRoles(time: time)
    chain = AWSChain(environment: environment, time: time)
  }

  /// - Parameter role: an ARN; nil to call as oneself.
  func api(role: String?, region: String) -> AWSAPI {
    let own = AWSAPI(
      endpoints: endpoints,
      credentials: { [given, chain] () throws(AWSError) in
        if let given { return given }
        return try await chain.credentials()
      }, security: security, deadline: .seconds(5), time: time)
    guard let role else { return own }
    return AWSAPI(
      endpoints: endpoints,
      credentials: { [roles] () throws(AWSError) in
        try await roles.credentials(of: role, session: "spire-server", region: region, through: own)
      }, security: security, deadline: .seconds(5), time: time)
  }
}

/// Credentials from where AWS's own tools look for them, kept until shortly before they end. An actor isolates them; the
/// look-up, which may block, runs beside the cooperative pool.
actor AWSChain {
  private let environment: [String: String]
  private let time: any TimeSource
  private var kept: (credentials: AWSCredentials, end: Date)?

  init(environment: [String: String], time: any TimeSource) {
    self.environment = environment
    self.time = time
  }

  func credentials() async throws(AWSError) -> AWSCredentials {
    if let kept, time.now < kept.end { return kept.credentials }
    let environment = environment
    let found: AWSCredentials
    do {
      found = try await BackgroundWork.run { try AWSCredentialChain(environment: environment).credentials() }
    } catch {
      throw error as? AWSError ?? AWSError("\(error)")
    }
    let end = found.expiresAt?.addingTimeInterval(-300) ?? time.now.addingTimeInterval(300)
    kept = (found, end)
    return found
  }
}
