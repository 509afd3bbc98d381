import Daemon
import FoundationEssentials

/// Finds credentials where AWS's own tools look for them: the environment, a web identity, the shared configuration and
/// credentials files, the container's endpoint, the instance's metadata service. The first place that has some decides.
///
/// Blocks while it asks an endpoint: to be called where that does no harm. Holds nothing; whoever calls keeps what it got
/// until it ends.
package struct AWSCredentialChain: Sendable {
  /// What was found: credentials, or what STS gives some for.
  package enum Source: Sendable {
    case credentials(AWSCredentials)
    case webIdentity(AWSWebIdentity)
  }

  package var environment: [String: String]
  /// The instance's metadata service.
  package var metadataHost = LocalHTTP.Address(host: "169.254.169.254", port: 80)

  /// The largest answer or file that is read.
  private static let limit = 1 << 20

  package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
  }

  /// For callers that cannot ask STS: without web identities.
  package func credentials() throws(AWSError) -> AWSCredentials {
    if let found = fromEnvironment() { return found }
    if case .credentials(let found)? = try fromFiles() { return found }
    return try fromEndpoints()
  }

  package func source() throws(AWSError) -> Source {
    if let found = fromEnvironment() { return .credentials(found) }
    if let path = value("AWS_WEB_IDENTITY_TOKEN_FILE") {
      guard let role = value("AWS_ROLE_ARN") else {
        throw AWSError("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
      }
      return .webIdentity(
        AWSWebIdentity(tokenFile: path, role: role, session: value("AWS_ROLE_SESSION_NAME") ?? "spire-server"))
    }
    if let found = try fromFiles() { return found }
    return .credentials(try fromEndpoints())
  }

  private func fromEndpoints() throws(AWSError) -> AWSCredentials {
    if let found = try fromContainer() { return found }
    if value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true", let found = try fromInstance() { return found }
    throw AWSError(
      "no credentials of AWS are to be had; set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and "
        + "AWS_SECRET_ACCESS_KEY in the environment")
  }

  private func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  private func fromEnvironment() -> AWSCredentials? {
    guard let id = value("AWS_ACCESS_KEY_ID") ?? value("AWS_ACCESS_KEY"),
      let secret = value("AWS_SECRET_ACCESS_KEY") ?? value("AWS_SECRET_KEY")
    else { return nil }
    return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: value("AWS_SESSION_TOKEN"))
  }

  /// The profile `AWS_PROFILE` of `~/.aws/config` and `~/.aws/credentials`.
  private func fromFiles() throws(AWSError) -> Source? {
    let name = value("AWS_PROFILE") ?? value("AWS_DEFAULT_PROFILE") ?? "default"
    var profile = AWSProfile()
    // What the file of the credentials says counts more.
    for (variable, file, heading) in [
      ("AWS_CONFIG_FILE", "/.aws/config", name == "default" ? name : "profile \(name)"),
      ("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", name),
    ] {
      guard let path = value(variable) ?? value("HOME").map({ $0 + file }) else { continue }
      let bytes: [UInt8]?
      do throws(FileError) {
        bytes = try BoundedFile.read(path, limit: Self.limit)
      } catch {
        throw AWSError("the shared credentials file cannot be read: \(error)")
      }
      if let bytes { profile.add(String(decoding: bytes, as: UTF8.self), heading: heading) }
    }
    guard profile.isThere else {
      // Whoever names a profile does not want to be somebody else.
      if value("AWS_PROFILE") == nil { return nil }
      throw AWSError("failed to get shared config profile, \(name)")
    }
    return try profile.source(name)
  }

  // MARK: Endpoints

  private func fromContainer() throws(AWSError) -> AWSCredentials? {
    let address: LocalHTTP.Address
    let path: String
    if let relative = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
      (address, path) = (LocalHTTP.Address(host: "169.254.170.2", port: 80), relative)
    } else if let text = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
      (address, path) = try LocalHTTP.address(of: text)
      // Plain HTTP with a token in it must not leave the machine.
      guard address.isLocal else {
        throw AWSError("AWS_CONTAINER_CREDENTIALS_FULL_URI does not name an address of this machine")
      }
    } else {
      return nil
    }
    var headers: [AWSRequest.Field] = []
    if let file = value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
      guard let token = try? BoundedFile.read(file, limit: Self.limit) else {
        throw AWSError("the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read")
      }
      headers.append(AWSRequest.Field("authorization", String(Substring(decoding: token, as: UTF8.self).trimmed)))
    } else if let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
      headers.append(AWSRequest.Field("authorization", token))
    }
    let answer = try LocalHTTP.send("GET", address, path, headers)
    guard answer.status == 200 else {
      throw AWSError("the container's credentials endpoint answers with status \(answer.status)")
    }
    return try Self.parse(answer.body)
  }

  /// The credentials of the instance's role (IMDSv2); nil where there is no such service or no role.
  private func fromInstance() throws(AWSError) -> AWSCredentials? {
    let life = [AWSRequest.Field("x-aws-ec2-metadata-token-ttl-seconds", "300")]
    guard let token = try? LocalHTTP.send("PUT", metadataHost, "/latest/api/token", life), token.status == 200 else {
      return nil
    }
    let headers = [AWSRequest.Field("x-aws-ec2-metadata-token", String(decoding: token.body, as: UTF8.self))]
    let path = "/latest/meta-data/iam/security-credentials/"
    let roles = try LocalHTTP.send("GET", metadataHost, path, headers)
    guard roles.status == 200,
      let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
    else { return nil }
    let answer = try LocalHTTP.send("GET", metadataHost, path + role, headers)
    guard answer.status == 200 else {
      throw AWSError("the instance's metadata service answers with status \(answer.status)")
    }
    return try Self.parse(answer.body)
  }

  private struct Document: Decodable {
    var AccessKeyId: String
    var SecretAccessKey: String
    var Token: String?
    var Expiration: String?
  }

  static func parse(_ body: [UInt8]) throws(AWSError) -> AWSCredentials {
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(body)) else {
      throw AWSError("the answer of a credentials endpoint holds no credentials")
    }
    return AWSCredentials(
      accessKeyID: document.AccessKeyId, secretAccessKey: document.SecretAccessKey, sessionToken: document.Token,
      expiresAt: document.Expiration.flatMap { GoTime.parseRFC3339($0) })
  }
}

extension Substring {
  /// Without blanks around it.
  var trimmed: Substring {
    let start = drop { $0.isWhitespace }
    return start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)]
  }
}
