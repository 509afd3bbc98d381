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

/// Looks instances up at Google Compute Engine, as a service account or as whom the environment says. A value; tokens are
/// shared.
struct GoogleCompute: Sendable {
  private static let scope = "https://www.googleapis.com/auth/compute.readonly"

  private let web: GoogleWeb
  private let tokens: GoogleTokens

  init(_ google: GoogleServices, time: any TimeSource) {
    web = GoogleWeb(google, time: time)
    tokens = GoogleTokens(web)
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
    let token = try await tokens.token(accountFile: accountFile, scope: Self.scope)
    let url = try web.google.url(web.google.compute + segments.map { "/" + $0 }.joined())
    do throws(ServerPluginError) {
      return GCPInstance(
        try await web.json(HTTPRequest(.get, url, headers: [HTTPField("Authorization", "Bearer \(token)")])))
    } catch {
      // A token that was not taken is not used again.
      if error.code == .permissionDenied { await tokens.forget(accountFile: accountFile, scope: Self.scope) }
      throw error
    }
  }

  /// Names of projects, zones and instances.
  private static func isSegment(_ text: String) -> Bool {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_.:".utf8)
    return (1...128).contains(text.utf8.count) && text != "." && text != ".." && text.utf8.allSatisfy(allowed.contains)
  }
}
