import Daemon
import HTTP
import Keys

/// Asks the endpoints for credentials that a container or an instance of AWS has for itself. On their own link, so never
/// through a proxy, and no redirection is followed. A value; keeps nothing.
struct AWSMachine: Sendable {
  private static let attempts = 3
  /// The largest file with a token. In bytes.
  static let maximumToken = 64 << 10

  let configuration: AWSConfiguration
  let time: any TimeSource
  private let client = AttestorHTTP(.awsMetadata, environment: [:])

  init(_ configuration: AWSConfiguration, time: any TimeSource) {
    self.configuration = configuration
    self.time = time
  }

  // MARK: A container's endpoint

  func credentials(_ endpoint: AWSContainerEndpoint) async throws(AWSError) -> AWSCredentials {
    let url: WebURL
    do { url = try WebURL(anyScheme: endpoint.url) } catch { throw AWSError("its URL \(error)") }
    // Plain HTTP with a token in it must not leave the machine.
    guard url.scheme == .https || Self.isLocal(url.host.lowercased()) else {
      throw AWSError("invalid endpoint host, \(GoText.quote(url.host)), only loopback/ecs/eks hosts are allowed")
    }
    var headers: [HTTPField] = []
    if let file = endpoint.tokenFile {
      headers.append(HTTPField("Authorization", try await Self.token(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")))
    } else if let token = endpoint.token {
      headers.append(HTTPField("Authorization", token))
    }
    let answer = try await get(url, headers)
    guard answer.status == 200 else { throw AWSError(AWSFailure(answer).text) }
    return try AWSCredentialDocument.temporary(answer.body)
  }

  private static func isLocal(_ host: String) -> Bool {
    if ["localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(host) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// What a file with a token holds. Read anew each time: whoever writes it replaces it.
  static func token(_ path: String, _ what: String) async throws(AWSError) -> String {
    let bytes: [UInt8]?
    do { bytes = try await BackgroundWork.run { try BoundedFile.read(path, limit: maximumToken) } } catch {
      throw AWSError("the file of \(what) cannot be read: \(error)")
    }
    guard let bytes, !bytes.isEmpty else { throw AWSError("the file of \(what), \(path), is not there or empty") }
    return String(Substring(decoding: bytes, as: UTF8.self).trimmed)
  }

  // MARK: The instance's metadata service

  /// The credentials of the instance's role.
  func instanceCredentials() async throws(AWSError) -> AWSCredentials {
    let environment = configuration.environment
    guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else {
      throw AWSError("AWS_EC2_METADATA_DISABLED is set")
    }
    let base = try configuration.metadataService()
    let headers = try await session(base).map { [HTTPField("X-aws-ec2-metadata-token", $0)] } ?? []
    let path = "/latest/meta-data/iam/security-credentials/"
    let roles = try await get(Self.url(base + path), headers)
    guard roles.status == 200,
      let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
    else { throw AWSError("the instance has no role (status \(roles.status))") }
    let answer = try await get(Self.url(base + path + SignatureV4.encode(String(role))), headers)
    guard answer.status == 200 else { throw AWSError("it answers with status \(answer.status)") }
    return try AWSCredentialDocument.temporary(answer.body)
  }

  /// A session token (IMDSv2); nil where the service gives none and may be asked without: it knows no tokens, or the way to
  /// a container has a hop more than the token may take.
  private func session(_ base: String) async throws(AWSError) -> String? {
    let life = [HTTPField("X-aws-ec2-metadata-token-ttl-seconds", "300")]
    var refusal: AWSError
    do throws(HTTPFailure) {
      let answer = try await client.send(
        HTTPRequest(.put, try Self.checked(base + "/latest/api/token"), headers: life), over: .plain)
      if answer.status == 200 { return String(decoding: answer.body, as: UTF8.self) }
      refusal = AWSError("it gives no session token: status \(answer.status)")
      if answer.status == 400 { throw HTTPFailure.protocol(refusal.message) }
    } catch {
      guard case .timeout = error else { throw AWSError("\(error)") }
      refusal = AWSError("it gives no session token: \(error)")
    }
    guard !configuration.isTrue("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled") else { throw refusal }
    return nil
  }

  private static func checked(_ text: String) throws(HTTPFailure) -> WebURL {
    do { return try WebURL(text, scheme: .http) } catch { throw .unreachable("its address \(error)") }
  }

  private static func url(_ text: String) throws(AWSError) -> WebURL {
    do { return try WebURL(text, scheme: .http) } catch { throw AWSError("its address \(error)") }
  }

  private func get(_ url: WebURL, _ headers: [HTTPField]) async throws(AWSError) -> HTTPAnswer {
    var attempt = 1
    while true {
      let answer: HTTPAnswer
      do {
        answer = try await client.send(
          HTTPRequest(.get, url, headers: headers), over: .named(by: url, configuration.security))
      } catch { throw AWSError("\(error)") }
      guard answer.status >= 500 || answer.status == 429, attempt < Self.attempts else { return answer }
      do { try await time.sleep(for: .milliseconds(100 * attempt)) } catch { throw AWSError("cancelled") }
      attempt += 1
    }
  }
}
