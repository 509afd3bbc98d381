import AWS
import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// Somebody whom Amazon vouches for: a call of STS GetCallerIdentity that is signed and not sent, for Google to send. The
/// credentials are the environment's or those of the machine's role. A value.
struct GoogleAmazonSubject: Sendable {
  private let credentials: WebURL?
  private let region: WebURL?
  private let session: WebURL?
  private let verification: String

  init(_ source: JSONValue) throws(GoogleCredentials.Fault) {
    func machine(_ name: String) throws(GoogleCredentials.Fault) -> WebURL? {
      guard let text = source[name]?.string, !text.isEmpty else { return nil }
      guard let url = try? WebURL(anyScheme: text), GoogleHosts.isAmazonsMachine(url) else {
        throw GoogleCredentials.Fault("has a credential_source.\(name) that is not of Amazon's metadata service")
      }
      return url
    }
    credentials = try machine("url")
    region = try machine("region_url")
    session = try machine("imdsv2_session_token_url")
    let text = source["regional_cred_verification_url"]?.string ?? ""
    verification =
      text.isEmpty ? "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15" : text
    guard Self.isSTS(verification, "us-east-1") else {
      throw GoogleCredentials.Fault("has a regional_cred_verification_url that is not of Amazon's STS")
    }
  }

  private static func isSTS(_ template: String, _ region: String) -> Bool {
    guard let url = try? WebURL(template.replacing("{region}", with: region)), url.port == 443 else { return false }
    return url.host == "sts.amazonaws.com" || url.host == "sts.\(region).amazonaws.com"
      || url.host == "sts.\(region).amazonaws.com.cn" || url.host == "sts-fips.\(region).amazonaws.com"
  }

  func token(for account: GoogleExternalAccount, _ web: GoogleWeb) async throws(ServerPluginError) -> String {
    let (id, secret) = (web.google.value("AWS_ACCESS_KEY_ID"), web.google.value("AWS_SECRET_ACCESS_KEY"))
    let named = web.google.value("AWS_REGION") ?? web.google.value("AWS_DEFAULT_REGION")
    var headers: [HTTPField] = []
    if id == nil || secret == nil || named == nil, let session {
      let life = HTTPField("X-aws-ec2-metadata-token-ttl-seconds", "300")
      let token = try await text(HTTPRequest(.put, session, headers: [life]), web)
      headers = [HTTPField("X-aws-ec2-metadata-token", token)]
    }
    let keys: AWSCredentials
    if let id, let secret {
      keys = AWSCredentials(
        accessKeyID: id, secretAccessKey: secret, sessionToken: web.google.value("AWS_SESSION_TOKEN"))
    } else {
      keys = try await machineCredentials(headers, web)
    }
    let place = if let named { named } else { try await machineRegion(headers, web) }
    guard Self.isSTS(verification, place) else {
      throw ServerPluginError(.internal, "the region of Amazon's is none")
    }
    return try signed(account.audience, keys, place, at: web.time.now)
  }

  // MARK: The machine

  private func machineCredentials(
    _ headers: [HTTPField], _ web: GoogleWeb
  ) async throws(ServerPluginError) -> AWSCredentials {
    guard var url = credentials else {
      throw ServerPluginError(.internal, "unable to determine the AWS metadata server security credentials endpoint")
    }
    let role = try await text(HTTPRequest(.get, url, headers: headers), web)
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-".utf8)
    guard (1...64).contains(role.utf8.count), role != ".", role != "..", role.utf8.allSatisfy(allowed.contains) else {
      throw ServerPluginError(.internal, "the machine's role of Amazon's is none")
    }
    url.target += (url.target.hasSuffix("/") ? "" : "/") + role
    let answer = try await web.json(HTTPRequest(.get, url, headers: headers), onMachine: true)
    // Go's names of fields, in whichever case.
    guard let id = (answer["AccessKeyId"] ?? answer["AccessKeyID"])?.string, !id.isEmpty,
      let secret = answer["SecretAccessKey"]?.string, !secret.isEmpty
    else { throw ServerPluginError(.internal, "the metadata service of Amazon's gives no credentials") }
    return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: answer["Token"]?.string)
  }

  /// `us-east-2` where the service says the zone, `us-east-2b`.
  private func machineRegion(_ headers: [HTTPField], _ web: GoogleWeb) async throws(ServerPluginError) -> String {
    guard let region else { throw ServerPluginError(.internal, "unable to determine AWS region") }
    return String(try await text(HTTPRequest(.get, region, headers: headers), web).dropLast())
  }

  private func text(_ request: HTTPRequest, _ web: GoogleWeb) async throws(ServerPluginError) -> String {
    let body = try await web.bytes(request, onMachine: true)
    return String(decoding: body, as: UTF8.self).filter { !$0.isWhitespace }
  }

  // MARK: The call

  /// The call as Google's token service reads it: JSON, percent-encoded.
  private func signed(
    _ audience: String, _ keys: AWSCredentials, _ region: String, at now: Date
  ) throws(ServerPluginError) -> String {
    let text = verification.replacing("{region}", with: region)
    guard let url = try? WebURL(text) else { throw ServerPluginError(.internal, "the region of Amazon's is none") }
    let query = url.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).dropFirst()
      .flatMap { $0.split(separator: "&") }
      .map { pair in
        let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
        return AWSRequest.Field(parts[0], parts.count > 1 ? parts[1] : "")
      }
    let target = AWSRequest.Field("x-goog-cloud-target-resource", audience)
    let request = AWSRequest(method: "POST", host: url.host, query: query, headers: [target])
    let signer = SignatureV4(region: region, service: "sts")
    let headers =
      [AWSRequest.Field("host", url.host), target] + signer.headers(for: request, credentials: keys, at: now)
    let call: JSONValue = [
      "url": .string(text), "method": "POST",
      "headers": .array(
        headers.sorted { $0.name < $1.name }.map { ["key": .string($0.name), "value": .string($0.value)] }),
    ]
    return GoogleForm.encode(call.text())
  }
}
