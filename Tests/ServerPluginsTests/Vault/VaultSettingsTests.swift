import HCL
import HTTP
import Testing

@testable import ServerPlugins

/// What the two plugins of Vault read from their data and the environment (server-plugins §3.6).
@Suite struct VaultSettingsTests {
  private func settings(_ text: String, _ environment: [String: String] = [:]) throws -> VaultSettings {
    let decoding = HCLDecoding(try HCLDocument.parse(text, file: "plugin_data"))
    var root = decoding.root
    let settings = try VaultSettings(&root, environment: environment)
    try decoding.finish()
    root.reportUnknownKeys(as: "all")
    #expect(decoding.unknownKeys.isEmpty)
    return settings
  }

  private func failure(_ text: String, _ environment: [String: String] = [:]) -> String? {
    do {
      _ = try settings(text, environment)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func everyKeyIsRead() throws {
    let all = try settings(
      """
      vault_addr = "https://vault.test:8443/base/"
      ca_cert_path = "/ca.pem"
      namespace = "ns1"
      insecure_skip_verify = true
      token_auth { token = "t" }
      """)
    #expect(all.address.description == "https://vault.test:8443/base/")
    #expect(all.authorityPath == "/ca.pem")
    #expect(all.namespace == "ns1")
    #expect(all.skipsVerification)
    #expect(all.auth == .token("t"))
    let few = try settings("token_auth { token = \"t\" }")
    #expect(few.address.description == VaultSettings.defaultAddress)
    #expect(few.authorityPath.isEmpty && few.namespace.isEmpty && !few.skipsVerification)
  }

  @Test func theEnvironmentGoesFirst() throws {
    let environment = [
      "VAULT_ADDR": "https://other.test", "VAULT_CACERT": "/other.pem", "VAULT_NAMESPACE": "other",
      "VAULT_TOKEN": "other-token",
    ]
    let text = """
      vault_addr = "https://vault.test"
      ca_cert_path = "/ca.pem"
      namespace = "ns1"
      """
    let found = try settings(text + "\ntoken_auth { token = \"t\" }", environment)
    #expect(found.address.host == "other.test")
    #expect(found.authorityPath == "/other.pem")
    #expect(found.namespace == "other")
    #expect(found.auth == .token("other-token"))
    let empty = environment.mapValues { _ in "" }
    #expect(try settings(text + "\ntoken_auth { token = \"t\" }", empty).namespace == "ns1")
  }

  @Test func everyWayToLogIn() throws {
    #expect(try settings("token_auth {}", ["VAULT_TOKEN": "t"]).auth == .token("t"))
    #expect(
      try settings("cert_auth { client_cert_path = \"/c\" client_key_path = \"/k\" }").auth
        == .certificate(mount: "cert", role: "", certificatePath: "/c", keyPath: "/k"))
    #expect(
      try settings(
        "cert_auth { cert_auth_mount_point = \"/tls/a/\" cert_auth_role_name = \"r\" }",
        ["VAULT_CLIENT_CERT": "/c", "VAULT_CLIENT_KEY": "/k"]
      ).auth == .certificate(mount: "tls/a", role: "r", certificatePath: "/c", keyPath: "/k"))
    #expect(
      try settings("approle_auth { approle_id = \"i\" approle_secret_id = \"s\" }").auth
        == .appRole(mount: "approle", id: "i", secretID: "s"))
    #expect(
      try settings(
        "approle_auth { approle_auth_mount_point = \"m\" }", ["VAULT_APPROLE_ID": "i", "VAULT_APPROLE_SECRET_ID": "s"]
      ).auth == .appRole(mount: "m", id: "i", secretID: "s"))
    #expect(
      try settings("k8s_auth { k8s_auth_role_name = \"r\" token_path = \"/t\" }").auth
        == .kubernetes(mount: "kubernetes", role: "r", tokenPath: "/t"))
    #expect(
      try settings("k8s_auth { k8s_auth_mount_point = \"k\" k8s_auth_role_name = \"r\" token_path = \"/t\" }").auth
        == .kubernetes(mount: "k", role: "r", tokenPath: "/t"))
  }

  @Test(arguments: [
    ("", "must be configured one of these authentication method 'Token, Client Certificate, AppRole or Kubernetes"),
    ("token_auth { token = \"a\" }\napprole_auth {}", "only one authentication method can be configured"),
    ("token_auth {}", "token is required; set it, or VAULT_TOKEN in the environment"),
    ("cert_auth {}", "client_cert_path is required; set it, or VAULT_CLIENT_CERT in the environment"),
    ("cert_auth { client_cert_path = \"a\" }", "client_key_path is required; set it, or VAULT_CLIENT_KEY in the "),
    ("approle_auth {}", "approle_id is required; set it, or VAULT_APPROLE_ID in the environment"),
    ("approle_auth { approle_id = \"a\" }", "approle_secret_id is required; set it, or VAULT_APPROLE_SECRET_ID in "),
    ("k8s_auth {}", "k8s_auth_role_name is required"),
    ("k8s_auth { k8s_auth_role_name = \"a\" }", "token_path is required"),
    ("vault_addr = \"ftp://x\"\ntoken_auth { token = \"a\" }", "vault_addr must use the https or the http scheme"),
    ("vault_addr = \"https://u:p@x\"\ntoken_auth { token = \"a\" }", "vault_addr must not contain user info"),
    ("approle_auth { approle_auth_mount_point = \"../sys\" }", "\"../sys\" is no path of a mount point"),
    ("approle_auth { approle_auth_mount_point = \"a?b\" }", "\"a?b\" is no path of a mount point"),
    ("approle_auth { approle_auth_mount_point = \"a//b\" }", "\"a//b\" is no path of a mount point"),
  ]) func whatIsWrongIsNamed(_ text: String, _ message: String) {
    let found = failure(text)
    #expect(found?.hasPrefix(message) == true, "\(found ?? "accepted")")
  }

  @Test func secretsAreNotPrinted() {
    let methods: [VaultAuthMethod] = [
      .token("secret-1"), .appRole(mount: "m", id: "secret-2", secretID: "secret-3"),
    ]
    for method in methods {
      var dumped = ""
      dump(method, to: &dumped)
      #expect(!"\(method) \(String(reflecting: method)) \(dumped)".contains("secret"))
    }
  }
}
