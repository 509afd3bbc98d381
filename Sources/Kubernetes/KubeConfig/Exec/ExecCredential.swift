import Daemon
import FoundationEssentials
import HTTP

/// What a credential plugin prints: a token, a client certificate with its key, or both. A value; holds secrets, never printed.
struct ExecCredential: Sendable {
  /// Why an output is of no use. Says nothing of what stands in it but versions and kinds.
  struct Unusable: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }

  /// Empty when there is none.
  let token: String
  let identity: HTTPIdentity?
  /// Nil when it lasts until it is refused.
  let end: Date?

  init(_ output: [UInt8], version: ExecPlugin.Version) throws {
    var message = Message()
    do throws(JSONCursor.Malformed) {
      var cursor = JSONCursor(output)
      try message.read(&cursor)
      try cursor.end()
    } catch {
      throw Unusable("decoding stdout: \(error)")
    }
    guard message.kind == "ExecCredential" else {
      throw Unusable("decoding stdout: kind is \(Self.shown(message.kind)), not \"ExecCredential\"")
    }
    guard message.version == version.rawValue else {
      throw Unusable(
        "exec plugin is configured to use API version \(version.rawValue), plugin returned version "
          + Self.shown(message.version))
    }
    guard message.hasStatus else { throw Unusable("exec plugin didn't return a status field") }
    guard !message.token.isEmpty || !message.certificate.isEmpty || !message.key.isEmpty else {
      throw Unusable("exec plugin didn't return a token or cert/key pair")
    }
    guard message.certificate.isEmpty == message.key.isEmpty else {
      throw Unusable("exec plugin returned only certificate or key, not both")
    }
    guard message.token.utf8.count <= InClusterAccess.maximumToken,
      message.token.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) })
    else { throw Unusable("exec plugin returned a token that cannot be sent") }
    end = try message.end.isEmpty ? nil : Self.time(message.end)
    token = message.token
    identity = try message.certificate.isEmpty ? nil : Self.identity(message)
  }

  private static func time(_ text: String) throws(Unusable) -> Date {
    guard let time = GoTime.parseRFC3339(text) else {
      throw Unusable("decoding stdout: expirationTimestamp is not a time of RFC 3339")
    }
    return time
  }

  private static func identity(_ message: Message) throws(Unusable) -> HTTPIdentity {
    do {
      let keys = try KubeConfigText.pem(message.key, KubeConfig.User.keyTypes, "clientKeyData")
      guard keys.count == 1 else { throw Unusable("clientKeyData has \(keys.count) private keys") }
      let identity = HTTPIdentity(
        certificates: try KubeConfigText.pem(message.certificate, ["CERTIFICATE"], "clientCertificateData"),
        privateKey: keys[0])
      try identity.check()
      return identity
    } catch {
      throw Unusable("failed parsing client key/certificate: \(error)")
    }
  }

  private static func shown(_ text: String) -> String { GoText.quote(String(text.prefix(128))) }

  /// The members that count, as they stand there.
  private struct Message {
    var kind = ""
    var version = ""
    var hasStatus = false
    var token = ""
    var certificate = ""
    var key = ""
    var end = ""

    mutating func read(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
      var found = Message()
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "kind": found.kind = try cursor.string()
        case "apiVersion": found.version = try cursor.string()
        case "status": try found.readStatus(&cursor)
        default: try cursor.skip()
        }
      }
      self = found
    }

    private mutating func readStatus(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
      var found = self
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "token": found.token = try cursor.string()
        case "clientCertificateData": found.certificate = try cursor.string()
        case "clientKeyData": found.key = try cursor.string()
        case "expirationTimestamp": found.end = try cursor.string()
        default: try cursor.skip()
        }
        found.hasStatus = true
      }
      self = found
    }
  }
}
