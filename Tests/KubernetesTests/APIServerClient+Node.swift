import Kubernetes

extension APIServerClient {
  /// The UID of `node-1`, or why the API server does not say it.
  func node() async -> String {
    do {
      var cursor = JSONCursor(try await get("/api/v1/nodes/node-1"))
      return try ObjectMetadata(ofObject: &cursor).uid
    } catch {
      return "\(error)"
    }
  }
}
