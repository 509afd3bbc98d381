import Daemon
import HTTP
import SPIFFE

extension KubeConfig {
  /// Who asks a cluster. Holds secrets; never printed.
  struct User: Sendable {
    private var certificate: KubeConfigText?
    private var key: KubeConfigText?
    private var token = ""
    private var tokenFile = ""
    /// `name:password`.
    private var login: String?
    private var impersonation: [HTTPField] = []
    /// What makes the credentials; nil where the file has what the server is asked with.
    private(set) var plugin: ExecPlugin?

    /// Nobody.
    init() {}

    init(_ reading: KubeConfigReading, _ name: String) throws {
      let shown = GoText.quote(name)
      if reading.has("auth-provider") {
        throw Unusable(
          "user \(shown) uses auth-provider, which Kubernetes has removed in 1.26; use exec, a tokenFile, a token of a service "
            + "account or a client certificate")
      }
      certificate = try reading.content("client-certificate")
      key = try reading.content("client-key")
      if certificate != nil, key == nil {
        throw Unusable(
          "client-key-data or client-key must be specified for \(name) to use the clientCert authentication method.")
      }
      token = try reading.text("token")
      tokenFile = try reading.path("tokenFile")
      let (user, password) = (try reading.text("username"), try reading.text("password"))
      if !user.isEmpty || !password.isEmpty { login = "\(user):\(password)" }
      if login != nil, !token.isEmpty || !tokenFile.isEmpty {
        throw Unusable(
          "more than one authentication method found for \(name); found [token basicAuth], only one is allowed")
      }
      impersonation = try Self.impersonation(reading, name)
      let exec = try reading.section("exec", "exec of user \(shown)")
      if let plugin = try exec.map({ try ExecPlugin($0, user: name) }), !hasAuthorization { self.plugin = plugin }
    }

    /// SPIRE: what the file itself says about who asks comes before what a plugin says.
    private var hasAuthorization: Bool { !token.isEmpty || !tokenFile.isEmpty || login != nil }

    /// In whose name it asks (`as`).
    private static func impersonation(_ reading: KubeConfigReading, _ name: String) throws -> [HTTPField] {
      let user = try reading.text("as")
      let uid = try reading.text("as-uid")
      let groups = try reading.texts("as-groups")
      let extra = try reading.lists("as-user-extra")
      guard !user.isEmpty else {
        guard uid.isEmpty, groups.isEmpty, extra.isEmpty else {
          throw Unusable("requesting uid, groups or user-extra for \(name) without impersonating a user")
        }
        return []
      }
      var fields = [HTTPField("Impersonate-User", user)]
      if !uid.isEmpty { fields.append(HTTPField("Impersonate-Uid", uid)) }
      fields += groups.map { HTTPField("Impersonate-Group", $0) }
      for (key, values) in extra {
        fields += values.map { HTTPField("Impersonate-Extra-" + escaped(key), $0) }
      }
      return fields
    }

    /// A key as a part of a header's name: what may not stand there as `%2F`.
    private static func escaped(_ key: String) -> String {
      let digits = Array("0123456789ABCDEF".utf8)
      var bytes: [UInt8] = []
      for byte in key.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          bytes.append(byte)
        case _ where "!#$&'*+-.^_`|~".utf8.contains(byte): bytes.append(byte)
        default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }

    func headers(_ credential: ExecCredential? = nil) throws -> [HTTPField] {
      var fields = impersonation
      // SPIRE: the file comes before the token, which stands in while it cannot be read.
      if !tokenFile.isEmpty {
        do { fields.append(HTTPField("Authorization", "Bearer " + (try InClusterAccess.token(tokenFile)))) } catch {
          guard !token.isEmpty else { throw error }
          fields.append(HTTPField("Authorization", "Bearer " + token))
        }
      } else if !token.isEmpty {
        fields.append(HTTPField("Authorization", "Bearer " + token))
      } else if let login {
        fields.append(HTTPField("Authorization", "Basic " + Base64.encode(Array(login.utf8))))
      } else if let token = credential?.token, !token.isEmpty {
        fields.append(HTTPField("Authorization", "Bearer " + token))
      }
      return fields
    }

    func identity() throws -> HTTPIdentity? {
      guard let certificate, let key else { return nil }
      let keys = try key.pem(Self.keyTypes, "client-key")
      guard keys.count == 1 else { throw Unusable("client-key has \(keys.count) private keys") }
      return HTTPIdentity(
        certificates: try certificate.pem(["CERTIFICATE"], "client-certificate"), privateKey: keys[0])
    }

    static let keyTypes = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"]
  }
}
