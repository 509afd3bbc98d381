package import Daemon
import FoundationEssentials
package import HTTP

/// Calls AWS's APIs for one set of credentials: signs, asks, tells failures apart, tries again what may pass. A value;
/// keeps nothing.
package struct AWSAPI: Sendable {
  package typealias Credentials = @Sendable () async throws(AWSError) -> AWSCredentials

  private static let attempts = 3

  private let endpoints: AWSEndpoints
  private let credentials: Credentials?
  private let security: HTTPSecurity
  private let client: AttestorHTTP
  private let time: any TimeSource

  /// - Parameters:
  ///   - credentials: asked before each call; nil for calls that are not signed.
  ///   - security: whom to believe.
  ///   - client: asks AWS's services.
  package init(
    endpoints: AWSEndpoints, credentials: Credentials?, security: HTTPSecurity,
    client: AttestorHTTP = AttestorHTTP(.awsServices), time: any TimeSource
  ) {
    self.endpoints = endpoints
    self.credentials = credentials
    self.security = security
    self.client = client
    self.time = time
  }

  /// The answer to an action of the Query protocol, which EC2, IAM, STS and Auto Scaling speak.
  package func query(
    _ service: AWSEndpoints.Service, region: String, action: String, version: String, _ parameters: [(String, String)]
  ) async throws(AWSError) -> XMLElement {
    let body = ([("Action", action), ("Version", version)] + parameters)
      .map { "\(SignatureV4.encode($0.0))=\(SignatureV4.encode($0.1))" }.joined(separator: "&")
    let answer = try await send(
      service, region, action, "POST", "/", [], Array(body.utf8),
      [AWSRequest.Field("content-type", "application/x-www-form-urlencoded; charset=utf-8")])
    do { return try XMLParser.parse(answer.body) } catch {
      throw AWSError("\(action): the answer of AWS is not read: \(error)")
    }
  }

  /// The answer to an action of the JSON 1.1 protocol, which Organizations speaks.
  package func json(
    _ service: AWSEndpoints.Service, region: String, target: String, body: [UInt8]
  ) async throws(AWSError) -> [UInt8] {
    try await send(
      service, region, target, "POST", "/", [], body,
      [AWSRequest.Field("content-type", "application/x-amz-json-1.1"), AWSRequest.Field("x-amz-target", target)]
    ).body
  }

  /// The answer to a GET of the REST protocol, which EKS and IAM Identity Center speak.
  ///
  /// - Parameter path: its segments, not encoded.
  package func get(
    _ service: AWSEndpoints.Service, region: String, path: [String], query: [(String, String)] = [],
    headers: [AWSRequest.Field] = []
  ) async throws(AWSError) -> [UInt8] {
    let path = path.map { "/" + SignatureV4.encode($0) }.joined()
    return try await send(
      service, region, path, "GET", path, query.map { AWSRequest.Field($0.0, $0.1) }, [], headers
    ).body
  }

  private func send(
    _ service: AWSEndpoints.Service, _ region: String, _ what: String, _ method: String, _ path: String,
    _ query: [AWSRequest.Field], _ body: [UInt8], _ headers: [AWSRequest.Field]
  ) async throws(AWSError) -> HTTPAnswer {
    var attempt = 1
    while true {
      let failure: AWSFailure
      do throws(AWSFailure) {
        return try await once(service, region, method, path, query, body, headers)
      } catch { failure = error }
      guard failure.mayPass, attempt < Self.attempts else { throw AWSError("\(what): \(failure.text)") }
      do { try await time.sleep(for: .milliseconds(100 * attempt)) } catch { throw AWSError("\(what): cancelled") }
      attempt += 1
    }
  }

  private func once(
    _ service: AWSEndpoints.Service, _ region: String, _ method: String, _ path: String, _ query: [AWSRequest.Field],
    _ body: [UInt8], _ headers: [AWSRequest.Field]
  ) async throws(AWSFailure) -> HTTPAnswer {
    let request: HTTPRequest
    do throws(AWSError) {
      let (base, signedRegion) = try endpoints.place(of: service, region: region)
      let signed = AWSRequest(
        method: method, host: base.authority, path: path, query: query, headers: headers, payload: .bytes(body))
      var added: [AWSRequest.Field] = []
      if let credentials = try await credentials?() {
        added = SignatureV4(region: signedRegion, service: service.rawValue)
          .headers(for: signed, credentials: credentials, at: time.now)
      }
      var text = "\(base.scheme.rawValue)://\(base.authority)\(path)"
      if !query.isEmpty { text += "?" + SignatureV4.query(signed) }
      let url: WebURL
      do { url = try WebURL(anyScheme: text) } catch { throw AWSError("the request's URL \(error)") }
      request = HTTPRequest(
        method == "GET" ? .get : .post, url, headers: (headers + added).map { HTTPField($0.name, $0.value) },
        body: method == "GET" ? nil : body)
    } catch { throw AWSFailure(text: error.message, mayPass: false) }
    let answer: HTTPAnswer
    do { answer = try await client.send(request, over: .named(by: request.url, security)) } catch {
      throw AWSFailure(text: "\(request.url.hostAndPort): \(error)", mayPass: error.mayPass)
    }
    guard answer.status == 200 else { throw AWSFailure(answer) }
    return answer
  }
}
