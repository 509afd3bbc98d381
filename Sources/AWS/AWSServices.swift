package import Daemon
import FoundationEssentials
import HTTP
import Keys
package import Logging

/// AWS as one part of the product calls it: with credentials that it was given or, like AWS's own tools, with those of the
/// environment, the shared files or the machine; or in a role that these may assume. What was looked up is shared by all
/// copies. A value.
package struct AWSServices: Sendable {
  private let given: AWSCredentials?
  private let configuration: AWSConfiguration
  private let session: String
  private let client: AttestorHTTP
  private let time: any TimeSource
  private let own: AWSCredentialCache
  private let roles: AWSRoles

  /// - Parameters:
  ///   - given: credentials of a configuration, which count alone.
  ///   - environment: where credentials are looked for otherwise, and where AWS's services and proxies are named.
  ///   - session: the name of the sessions of roles, where none is configured.
  ///   - logger: hears of credentials that could not be renewed while the old ones serve; nil for nobody.
  package init(
    given: AWSCredentials?, environment: [String: String], session: String = "spire-server", time: any TimeSource,
    logger: Logger? = nil
  ) {
    self.given = given
    configuration = AWSConfiguration(environment: environment)
    self.session = session
    client = AttestorHTTP(.awsServices, environment: environment)
    self.time = time
    let report: AWSCredentialCache.Report = { error, isServedFurther in
      var metadata: Logger.Metadata = ["error": "\(error)"]
      if !error.remarks.isEmpty { metadata["stderr"] = "\(error.remarks)" }
      logger?.warning(
        isServedFurther
          ? "Credentials of AWS could not be renewed; the old ones are used until they end"
          : "Credentials of AWS could not be had", metadata: metadata)
    }
    own = AWSCredentialCache(time: time, report: report)
    roles = AWSRoles(time: time, report: report)
  }

  /// - Parameter role: an ARN; nil to call as oneself.
  package func api(role: String?, region: String) -> AWSAPI {
    let own = api { () throws(AWSError) in try await credentials(region: region) }
    guard let role else { return own }
    return api { [roles, session] () throws(AWSError) in
      try await roles.credentials(of: role, session: session, region: region, through: own)
    }
  }

  /// One's own credentials.
  ///
  /// - Parameter region: whose STS is asked, if it has to be.
  package func credentials(region: String) async throws(AWSError) -> AWSCredentials {
    if let given { return given }
    return try await own.credentials { () throws(AWSError) in
      let environment = configuration.environment
      let files: AWSSharedFiles
      do { files = try await BackgroundWork.run { try AWSSharedFiles(environment: environment) } } catch {
        throw error as? AWSError ?? AWSError("\(error)")
      }
      let plan = try AWSCredentialChain(environment: environment, files: files, session: session).plan()
      let fetcher = AWSCredentialFetcher(
        configuration: configuration,
        api: { (found: AWSCredentials?) in
          guard let found else { return api(nil) }
          return api { () throws(AWSError) in found }
        }, time: time)
      return try await fetcher.credentials(plan, region: region)
    }
  }

  private func api(_ credentials: AWSAPI.Credentials?) -> AWSAPI {
    AWSAPI(
      endpoints: AWSEndpoints(configuration), credentials: credentials, security: configuration.security,
      client: client,
      time: time)
  }
}
