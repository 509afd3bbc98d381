import Daemon
import Kubernetes
import Synchronization

/// Finds out which version and kind a plural and a group stand for. What was found is kept for some minutes; a mutex guards
/// it.
final class APIDiscovery: Sendable {
  private static let lifetime = Duration.seconds(600)
  private static let limit = 256
  /// No group has so many versions.
  private static let maximumVersions = 32

  private struct Key: Hashable {
    let plural: String
    let group: String
  }

  private let time: any TimeSource
  private let known = Mutex<[Key: (resource: APIResource, at: Duration)]>([:])

  init(time: any TimeSource) { self.time = time }

  /// - Parameter group: empty for the core group.
  /// - Returns: nil when the cluster has no such resource.
  func resource(
    plural: String, group: String, _ client: APIServerClient
  ) async throws(APIServerFailure) -> APIResource? {
    guard APIResource.isName(plural), group.isEmpty || APIResource.isName(group) else { return nil }
    let key = Key(plural: plural, group: group)
    let now = time.steady
    if let found = known.withLock({ $0[key] }), now - found.at < Self.lifetime { return found.resource }
    do {
      for version in try await versions(group, client) {
        let text = try await client.get(APIResource.path(ofVersion: version, group: group))
        guard let found = try Self.find(plural, in: text, version, group) else { continue }
        known.withLock { known in
          if known.count >= Self.limit { known = [:] }
          known[key] = (found, now)
        }
        return found
      }
      return nil
    } catch  where error.isNotFound {
      return nil
    }
  }

  /// The group's versions, the preferred one first.
  private func versions(_ group: String, _ client: APIServerClient) async throws(APIServerFailure) -> [String] {
    guard !group.isEmpty else { return ["v1"] }
    var preferred = ""
    var versions: [String] = []
    var cursor = JSONCursor(try await client.get("/apis/\(group)"))
    func version(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> String {
      var version = ""
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        if name == "version" { version = try cursor.string() } else { try cursor.skip() }
      }
      return version
    }
    do {
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "preferredVersion": preferred = try version(&cursor)
        case "versions":
          try cursor.array { (cursor) throws(JSONCursor.Malformed) in versions.append(try version(&cursor)) }
        default: try cursor.skip()
        }
      }
    } catch {
      throw .malformed("\(error)")
    }
    let all = ([preferred] + versions.filter { $0 != preferred }).filter(APIResource.isName)
    return Array(all.prefix(Self.maximumVersions))
  }

  private static func find(
    _ plural: String, in text: [UInt8], _ version: String, _ group: String
  ) throws(APIServerFailure) -> APIResource? {
    var found: APIResource?
    var cursor = JSONCursor(text)
    do {
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        guard name == "resources" else { return try cursor.skip() }
        try cursor.array { (cursor) throws(JSONCursor.Malformed) in
          var (name, kind, isNamespaced) = ("", "", false)
          try cursor.object { (cursor, member) throws(JSONCursor.Malformed) in
            switch member {
            case "name": name = try cursor.string()
            case "kind": kind = try cursor.string()
            case "namespaced": isNamespaced = try cursor.bool()
            default: try cursor.skip()
            }
          }
          if name == plural {
            found = APIResource(
              group: group, version: version, plural: plural, kind: kind, isNamespaced: isNamespaced)
          }
        }
      }
    } catch {
      throw .malformed("\(error)")
    }
    return found
  }
}
