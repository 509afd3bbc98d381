import SPIFFE
import Synchronization

/// What became of each file, and whether that makes the helper live and ready (ecosystem §2). Writers tell it, the health
/// pages read it; a lock guards it.
final class WriteStatus: Sendable {
  enum State: String, Sendable {
    case unwritten, failed, written
  }

  private struct Files {
    /// Nil: there are no X.509 files.
    var x509: State?
    var jwt: [String: State]
    var all: [State] { jwt.values + (x509.map { [$0] } ?? []) }
  }
  private let files: Mutex<Files>

  /// - Parameter jwt: the paths of the JWT files.
  init(hasX509: Bool, jwt: [String]) {
    files = Mutex(
      Files(x509: hasX509 ? .unwritten : nil, jwt: Dictionary(jwt.map { ($0, .unwritten) }) { first, _ in first }))
  }

  func setX509(_ state: State) { files.withLock { $0.x509 = state } }
  func set(_ path: String, _ state: State) { files.withLock { $0.jwt[path] = state } }

  var isLive: Bool { files.withLock { !$0.all.contains(.failed) } }
  var isReady: Bool { files.withLock { $0.all.allSatisfy { $0 == .written } } }

  /// The pages' member `health`.
  var document: JSONValue {
    let files = files.withLock { $0 }
    var members: [JSONObject.Member] = []
    if let x509 = files.x509 { members.append(.init(name: "x509_write_status", value: .string(x509.rawValue))) }
    let jwt = files.jwt.sorted { $0.key < $1.key }.map {
      JSONObject.Member(name: $0.key, value: .string($0.value.rawValue))
    }
    members.append(.init(name: "jwt_write_status", value: .object(JSONObject(jwt))))
    return ["file_write_statuses": .object(JSONObject(members))]
  }
}
