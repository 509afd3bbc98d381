import Daemon
import HCL
import HTTP

/// Which Vault a plugin uses, and as whom: the keys that both plugins of Vault have (server-plugins §3.6). Read from the
/// plugin's data and the environment, which goes first; a value.
struct VaultSettings: Sendable {
  /// Vault's own default.
  static let defaultAddress = "https://127.0.0.1:8200"

  let address: WebURL
  /// Empty for none.
  let namespace: String
  /// The PEM file of the authorities that Vault's certificate leads to; empty for the system's.
  let authorityPath: String
  let skipsVerification: Bool
  /// What Vault's certificate leads to where no file is named.
  let systemRoots: WebRoots
  let auth: VaultAuthMethod

  /// Reads the keys of `root`. What has the wrong type is noted there: finish the decoding before this is used.
  init(_ root: inout HCLSection, environment: [String: String]) throws(VaultError) {
    func value(_ name: String, _ text: String?) -> String {
      // SPIRE: the environment goes before the file.
      if let found = environment[name], !found.isEmpty { return found }
      return text ?? ""
    }
    let address = value("VAULT_ADDR", root.string("vault_addr"))
    do { self.address = try WebURL(anyScheme: address.isEmpty ? Self.defaultAddress : address) } catch {
      // The address is not told: it may hold a password.
      throw VaultError(.configuration, "vault_addr \(error)", cause: error)
    }
    authorityPath = value("VAULT_CACERT", root.string("ca_cert_path"))
    namespace = value("VAULT_NAMESPACE", root.string("namespace"))
    systemRoots = .system(environment: environment)
    skipsVerification = root.bool("insecure_skip_verify") ?? false
    auth = try Self.method(&root, value)
  }

  private static func method(
    _ root: inout HCLSection, _ value: (String, String?) -> String
  ) throws(VaultError) -> VaultAuthMethod {
    // An empty block counts: its values come from the environment.
    let (token, certificate) = (root.has("token_auth"), root.has("cert_auth"))
    let (appRole, kubernetes) = (root.has("approle_auth"), root.has("k8s_auth"))
    switch [token, certificate, appRole, kubernetes].count(where: { $0 }) {
    case 0:
      throw VaultError(
        .configuration,
        "must be configured one of these authentication method 'Token, Client Certificate, AppRole or Kubernetes")
    case 1: break
    default: throw VaultError(.configuration, "only one authentication method can be configured")
    }
    if token {
      var block = root.section("token_auth")
      return .token(try required(value("VAULT_TOKEN", block?.string("token")), "token", "VAULT_TOKEN"))
    }
    if certificate {
      var block = root.section("cert_auth")
      let paths = (block?.string("client_cert_path"), block?.string("client_key_path"))
      return .certificate(
        mount: try mount(block?.string("cert_auth_mount_point"), "cert"),
        role: block?.string("cert_auth_role_name") ?? "",
        certificatePath: try required(value("VAULT_CLIENT_CERT", paths.0), "client_cert_path", "VAULT_CLIENT_CERT"),
        keyPath: try required(value("VAULT_CLIENT_KEY", paths.1), "client_key_path", "VAULT_CLIENT_KEY"))
    }
    if appRole {
      var block = root.section("approle_auth")
      let (id, secret) = (block?.string("approle_id"), block?.string("approle_secret_id"))
      return .appRole(
        mount: try mount(block?.string("approle_auth_mount_point"), "approle"),
        id: try required(value("VAULT_APPROLE_ID", id), "approle_id", "VAULT_APPROLE_ID"),
        secretID: try required(
          value("VAULT_APPROLE_SECRET_ID", secret), "approle_secret_id", "VAULT_APPROLE_SECRET_ID"))
    }
    var block = root.section("k8s_auth")
    return .kubernetes(
      mount: try mount(block?.string("k8s_auth_mount_point"), "kubernetes"),
      role: try required(block?.string("k8s_auth_role_name") ?? "", "k8s_auth_role_name"),
      tokenPath: try required(block?.string("token_path") ?? "", "token_path"))
  }

  private static func required(
    _ text: String, _ key: String, _ variable: String? = nil
  ) throws(VaultError) -> String {
    guard text.isEmpty else { return text }
    throw VaultError(
      .configuration, "\(key) is required" + (variable.map { "; set it, or \($0) in the environment" } ?? ""))
  }

  /// The path of a mount point; `fallback` where none is given.
  static func mount(_ text: String?, _ fallback: String) throws(VaultError) -> String {
    var path = (text ?? "")[...]
    while path.hasPrefix("/") { path = path.dropFirst() }
    while path.hasSuffix("/") { path = path.dropLast() }
    if path.isEmpty { return fallback }
    let isPath = path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part != "." && part != ".."
        && part.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"?#%\\".utf8.contains($0) }
    }
    guard isPath else { throw VaultError(.configuration, "\(GoText.quote(text ?? "")) is no path of a mount point") }
    return String(path)
  }
}
