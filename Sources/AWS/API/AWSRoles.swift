package import Daemon
import FoundationEssentials

/// Credentials of roles that were assumed, kept until shortly before they end. Shared by all who call in a role; an actor
/// isolates it, and callers that want the same role at once wait for one request.
package actor AWSRoles {
  /// Renewed this long before they end. In seconds.
  private static let margin: TimeInterval = 300

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
    guard let found = answer["AssumeRoleResult"]?["Credentials"], let id = found.string("AccessKeyId"),
      let secret = found.string("SecretAccessKey"),
      let expiration = found.string("Expiration").flatMap(GoTime.parseRFC3339)
    else { throw AWSError("AssumeRole: the answer of AWS has no credentials") }
    let credentials = AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: found.string("SessionToken"), expiresAt: expiration)
    kept[role] = credentials
    return credentials
  }
}
