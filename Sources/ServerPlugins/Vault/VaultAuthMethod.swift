/// How a plugin proves to Vault who it is (server-plugins §3.6). Holds secrets: its text is its name.
enum VaultAuthMethod: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  case token(String)
  /// - Parameter role: empty to let Vault look through all of them.
  case certificate(mount: String, role: String, certificatePath: String, keyPath: String)
  case appRole(mount: String, id: String, secretID: String)
  case kubernetes(mount: String, role: String, tokenPath: String)

  var description: String {
    switch self {
    case .token: "token"
    case .certificate: "client certificate"
    case .appRole: "AppRole"
    case .kubernetes: "Kubernetes"
    }
  }

  var customMirror: Mirror { Mirror(self, children: []) }

  /// Where a login goes; nil where a token is given.
  var loginPath: String? {
    switch self {
    case .token: nil
    case .certificate(let mount, _, _, _), .appRole(let mount, _, _), .kubernetes(let mount, _, _):
      "auth/\(mount)/login"
    }
  }
}
