/// Why the API server did not do what it was asked. The text is for a message; it holds no secret.
package enum APIServerFailure: Error, CustomStringConvertible {
  /// This process is in no cluster.
  case noCluster
  /// The files that say where the server is and who asks cannot be used.
  case unusable(String)
  /// There was no answer.
  case unreachable(String)
  /// It said no: its status, and its reason (`NotFound`, `Expired`) and message.
  case refused(status: Int, reason: String, message: String)
  /// Its answer cannot be read.
  case malformed(String)

  package var isNotFound: Bool { if case .refused(404, _, _) = self { true } else { false } }

  /// Whether a list or a watch must begin anew.
  package var isExpired: Bool {
    if case .refused(let status, let reason, _) = self {
      status == 410 || reason == "Expired" || reason == "Gone"
    } else {
      false
    }
  }

  package var description: String {
    switch self {
    case .noCluster:
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"
    case .unusable(let text), .unreachable(let text): text
    case .refused(let status, _, let message):
      message.isEmpty ? "the server answered with status \(status)" : message
    case .malformed(let text): "the API server's answer cannot be read: \(text)"
    }
  }

  /// Reads a Status object, which says what failed; whatever else was said counts by its status alone.
  package init(status: Int, body: [UInt8]) {
    var cursor = JSONCursor(body)
    self = Self.read(&cursor, status)
  }

  /// Reads a Status where `cursor` stands.
  package static func read(_ cursor: inout JSONCursor, _ status: Int = 0) -> APIServerFailure {
    var code = status
    var reason = ""
    var message = ""
    try? cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      switch name {
      case "reason": reason = OutsideText.line(try cursor.string().utf8.prefix(256))
      case "message": message = OutsideText.line(try cursor.string().utf8.prefix(1024))
      case "code": code = try cursor.integer() ?? status
      default: try cursor.skip()
      }
    }
    return .refused(status: status == 0 ? code : status, reason: reason, message: message)
  }
}
