package import Daemon
import FoundationEssentials

/// Credentials of roles that were assumed, kept until shortly before they end. Shared by all who call in a role; an actor
/// isolates it, and callers that want the same role at once wait for one request.
package actor AWSRoles {
  /// Renewed this long before they end. In seconds.
  private static let margin: TimeInterval = 300
  /// A role per account: this many accounts are remembered.
  private static let maximum = 4096

  private let time: any TimeSource
  private var kept: [String: AWSCredentials] = [:]
  private var underWay: [String: [CheckedContinuation<Void, Never>]] = [:]

  package init(time: any TimeSource) { self.time = time }

  /// The credentials of `role`, an ARN, as whom `api` calls.
  package func credentials(
    of role: String, session: String, region: String, through api: AWSAPI
  ) async throws(AWSError) -> AWSCredentials {
    while true {
      if let found = kept[role], (found.expiresAt ?? .distantFuture).timeIntervalSince(time.now) > Self.margin {
        return found
      }
      guard underWay[role] != nil else { break }
      await withCheckedContinuation { underWay[role]?.append($0) }
    }
    underWay[role] = []
    defer { for waiting in underWay.removeValue(forKey: role) ?? [] { waiting.resume() } }
    let answer = try await api.query(
      .sts, region: region, action: "AssumeRole", version: "2011-06-15",
      [("RoleArn", role), ("RoleSessionName", session)])
    let credentials = try AWSAPI.credentials(answer["AssumeRoleResult"], "AssumeRole")
    if kept.count >= Self.maximum { kept = kept.filter { ($0.value.expiresAt ?? .distantFuture) > time.now } }
    if kept.count < Self.maximum { kept[role] = credentials }
    return credentials
  }
}

extension AWSAPI {
  /// The credentials of a role for whoever has a token of an OpenID provider that the role trusts; not signed
  /// (sts:AssumeRoleWithWebIdentity).
  package func credentials(
    of identity: AWSWebIdentity, token: String, region: String
  ) async throws(AWSError) -> AWSCredentials {
    let action = "AssumeRoleWithWebIdentity"
    let answer = try await query(
      .sts, region: region, action: action, version: "2011-06-15",
      [("RoleArn", identity.role), ("RoleSessionName", identity.session), ("WebIdentityToken", token)])
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
