import Daemon
import FoundationEssentials
import Synchronization

/// Credentials of roles that were assumed, kept until shortly before they end. Shared by all who call in a role; a mutex
/// guards the list, and each role has an actor of its own.
package final class AWSRoles: Sendable {
  /// A role per account: this many accounts are remembered.
  private static let maximum = 4096

  private let time: any TimeSource
  private let report: AWSCredentialCache.Report
  private let kept = Mutex<[String: AWSCredentialCache]>([:])

  init(time: any TimeSource, report: @escaping AWSCredentialCache.Report = { _, _ in }) {
    self.time = time
    self.report = report
  }

  /// The credentials of `role`, an ARN, as whom `api` calls.
  package func credentials(
    of role: String, session: String, region: String, through api: AWSAPI
  ) async throws(AWSError) -> AWSCredentials {
    let cache = kept.withLock { kept in
      if let found = kept[role] { return found }
      if kept.count >= Self.maximum { kept = [:] }
      let made = AWSCredentialCache(time: time, report: report)
      kept[role] = made
      return made
    }
    return try await cache.credentials { () throws(AWSError) in
      try await api.credentials(of: AWSRole(arn: role, session: session), region: region)
    }
  }
}

extension AWSAPI {
  /// The credentials of a role (sts:AssumeRole).
  package func credentials(of role: AWSRole, region: String) async throws(AWSError) -> AWSCredentials {
    var parameters = [("RoleArn", role.arn), ("RoleSessionName", role.session)]
    if let seconds = role.seconds { parameters.append(("DurationSeconds", "\(seconds)")) }
    if let id = role.externalID { parameters.append(("ExternalId", id)) }
    let answer = try await query(.sts, region: region, action: "AssumeRole", version: "2011-06-15", parameters)
    return try Self.credentials(answer["AssumeRoleResult"], "AssumeRole")
  }

  /// The credentials of a role for whoever has a token of an OpenID provider that the role trusts; not signed
  /// (sts:AssumeRoleWithWebIdentity).
  package func credentials(
    of identity: AWSWebIdentity, token: String, region: String
  ) async throws(AWSError) -> AWSCredentials {
    let action = "AssumeRoleWithWebIdentity"
    var parameters = [
      ("RoleArn", identity.role), ("RoleSessionName", identity.session), ("WebIdentityToken", token),
    ]
    if let seconds = identity.seconds { parameters.append(("DurationSeconds", "\(seconds)")) }
    let answer = try await query(.sts, region: region, action: action, version: "2011-06-15", parameters)
    return try Self.credentials(answer["\(action)Result"], action)
  }

  fileprivate static func credentials(_ result: XMLElement?, _ action: String) throws(AWSError) -> AWSCredentials {
    guard let found = result?["Credentials"], let id = found.string("AccessKeyId"),
      let secret = found.string("SecretAccessKey"),
      let expiration = found.string("Expiration").flatMap(GoTime.parseRFC3339)
    else { throw AWSError("\(action): the answer of AWS has no credentials") }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: found.string("SessionToken"), expiresAt: expiration)
  }
}
