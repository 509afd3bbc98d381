import Daemon
import Foundation
import HTTP
import Logging
import SPIFFE
import Synchronization

@testable import ServerPlugins

/// A Vault without a network: answers what a test tells it, and remembers what it was asked.
final class ScriptedVault: VaultTransport {
  struct Asked: Sendable {
    let line: String
    let token: String?
    let headers: [String: String]
    let body: JSONValue?
  }
  typealias Reply = @Sendable (Asked, Int) throws(HTTPFailure) -> HTTPAnswer

  private let state: Mutex<(asked: [Asked], reply: Reply)>
  private let reloaded = Mutex(0)

  init(_ reply: @escaping Reply) { state = Mutex(([], reply)) }

  var asked: [Asked] { state.withLock { $0.asked } }
  var lines: [String] { asked.map(\.line) }
  var reloads: Int { reloaded.withLock { $0 } }
  func say(_ reply: @escaping Reply) { state.withLock { $0.reply = reply } }

  func reload() async throws(VaultError) { reloaded.withLock { $0 += 1 } }

  func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPAnswer {
    let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { $1 }
    let asked = Asked(
      line: request.method.rawValue + " " + request.url.target, token: headers["X-Vault-Token"], headers: headers,
      body: request.body.flatMap { try? JSONValue(parsing: $0) })
    let (reply, count) = state.withLock { state in
      state.asked.append(asked)
      return (state.reply, state.asked.count)
    }
    return try reply(asked, count)
  }
}

extension HTTPAnswer {
  static func json(_ value: JSONValue, _ status: Int = 200, headers: [HTTPField] = []) -> HTTPAnswer {
    HTTPAnswer(status: status, reason: "reason", headers: headers, body: value.encoded())
  }
  static func errors(_ status: Int, _ texts: String...) -> HTTPAnswer {
    json(["errors": .array(texts.map { .string($0) })], status)
  }
  static func login(_ token: String, lease: Int64 = 3600, renewable: Bool = true) -> HTTPAnswer {
    json([
      "auth": [
        "client_token": .string(token), "lease_duration": .int(lease), "renewable": .bool(renewable),
      ]
    ])
  }
}
