import HTTP
import Kubernetes

/// How the kubelet is reached, and what is shown to it (agent-plugins §8). A value.
struct KubeletSettings: Hashable, Sendable {
  enum Credential: Hashable, Sendable {
    case anonymous
    /// The file of a bearer token.
    case token(path: String)
    case certificate(path: String, keyPath: String)
  }

  /// What a service account's pod finds there.
  static let serviceAccount = InClusterAccess.folder
  static let securePort = 10250

  var isSecure = true
  var port = KubeletSettings.securePort
  /// Empty: the kubelet is asked at 127.0.0.1, and its certificate may have any name.
  var nodeName = ""
  var skipsVerification = false
  var authorityPath = KubeletSettings.serviceAccount + "/ca.crt"
  var credential = Credential.token(path: KubeletSettings.serviceAccount + "/token")
  var reloadInterval = Duration.seconds(60)

  func url() throws -> WebURL {
    // The read-only port is never asked on another host: nothing protects the way.
    let host = nodeName.isEmpty || !isSecure ? "127.0.0.1" : nodeName
    let name = host.contains(":") ? "[\(host)]" : host
    return try WebURL("\(isSecure ? "https" : "http")://\(name):\(port)/pods", scheme: isSecure ? .https : .http)
  }
}
