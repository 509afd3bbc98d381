import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// What Google Compute Engine says of an instance, as far as attestation needs it. A value.
struct GCPInstance: Hashable, Sendable {
  var tags: [String] = []
  var labels: [String: String] = [:]
  var metadata: [Entry] = []

  struct Entry: Hashable, Sendable {
    var key: String
    var value: String
  }

  init(_ json: JSONValue) {
    tags = json["tags"]?["items"]?.array?.compactMap(\.string) ?? []
    for member in json["labels"]?.object?.members ?? [] { labels[member.name] = member.value.string ?? "" }
    metadata = (json["metadata"]?["items"]?.array ?? []).compactMap { item in
      item["key"]?.string.map { Entry(key: $0, value: item["value"]?.string ?? "") }
    }
  }
}

/// Looks instances up at Google Compute Engine, as a service account or as the machine that the server runs on. Access
/// tokens are kept until shortly before they end; an actor isolates them.
actor GoogleCompute {
  private static let scope = "https://www.googleapis.com/auth/compute.readonly"
  /// Renewed this long before they end.
  private static let margin: Duration = .seconds(120)

  private struct Token {
    var text: String
    var end: Duration
  }

  private let google: GoogleServices
  private let time: any TimeSource
  private let services: AttestorHTTP
  private let machine: AttestorHTTP
  private var tokens: [String: Token] = [:]

  init(_ google: GoogleServices, time: any TimeSource) {
    self.google = google
    self.time = time
    services = AttestorHTTP(.googleServices, environment: google.environment)
    machine = AttestorHTTP(.googleMachine)
  }

  /// What the service says of the instance that a verified token names (compute.instances.get).
  ///
  /// - Parameter accountFile: of a service account; empty for what the environment gives.
  func instance(_ identity: GCPIdentity, accountFile: String) async throws(ServerPluginError) -> GCPInstance {
    let segments = [
      "compute", "v1", "projects", identity.projectID, "zones", identity.zone, "instances", identity.instanceName,
    ]
    guard segments.allSatisfy(Self.isSegment) else {
      throw ServerPluginError(.internal, "the token names an instance that no URL can name")
    }
    let token = try await token(accountFile)
    let url = try google.url(google.compute + segments.map { "/" + $0 }.joined())
    return GCPInstance(
      try await json(services, HTTPRequest(.get, url, headers: [HTTPField("Authorization", "Bearer \(token)")])))
  }

  /// Names of projects, zones and instances.
  private static func isSegment(_ text: String) -> Bool {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_.:".utf8)
    return (1...128).contains(text.utf8.count) && text != "." && text != ".." && text.utf8.allSatisfy(allowed.contains)
  }

  private func token(_ accountFile: String) async throws(ServerPluginError) -> String {
    let file = accountFile.isEmpty ? google.credentialsFile : accountFile
    if let kept = tokens[file], time.steady < kept.end { return kept.text }
    let answer: JSONValue
    if file.isEmpty {
      let url = try google.url(
        "\(google.metadata)/computeMetadata/v1/instance/service-accounts/default/token?scopes=\(Self.scope)")
      answer = try await json(machine, HTTPRequest(.get, url, headers: [HTTPField("Metadata-Flavor", "Google")]))
    } else {
      let credentials = try GoogleCredentials(file: file, takesUsers: accountFile.isEmpty)
      let form: (url: String, body: String)
      do { form = try credentials.form(scope: Self.scope, at: time.now) } catch {
        throw ServerPluginError(.internal, "unable to sign with the service account's key: \(error)", cause: error)
      }
      answer = try await json(
        services,
        HTTPRequest(
          .post, try google.url(form.url),
          headers: [HTTPField("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.body.utf8)))
    }
    guard let text = answer["access_token"]?.string, !text.isEmpty, let life = answer["expires_in"]?.integer else {
      throw ServerPluginError(.internal, "Google answers without an access token")
    }
    tokens[file] = Token(text: text, end: time.steady + .seconds(min(max(life, 0), 86400)) - Self.margin)
    return text
  }

  private func json(_ client: AttestorHTTP, _ request: HTTPRequest) async throws(ServerPluginError) -> JSONValue {
    let place = "\(request.method.rawValue) \(request.url.hostAndPort)"
    let answer: HTTPAnswer
    do { answer = try await client.send(request, over: .named(by: request.url, google.security)) } catch {
      throw ServerPluginError(.unavailable, "\(place): \(error)")
    }
    let document = try? JSONValue(parsing: answer.body)
    guard answer.status == 200 else {
      let said = document?["error"]?["message"]?.string ?? document?["error_description"]?.string ?? answer.reason
      throw ServerPluginError(
        .unavailable, "\(place) answers with status \(answer.status): \(GoText.quote(String(said.prefix(300))))")
    }
    guard let document else { throw ServerPluginError(.unavailable, "\(place): the answer is no JSON") }
    return document
  }
}
