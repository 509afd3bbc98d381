import Daemon
import Foundation
import SPIFFE
import Testing

@testable import OIDCDiscovery

/// The provider's file (oidc-discovery-provider §2).
@Suite struct ConfigurationTests {
  private let rest = "domains = [\"a.test\"]\nfile { path = \"b.json\" }\n"

  @Test func everyKey() throws {
    let file = try configuration(
      """
      log_level = "debug" log_format = "json" log_path = "/l" log_requests = true
      domains = ["a.test", "b.test", "a.test"]
      set_key_use = true allow_insecure_scheme = true
      serving_cert_file { cert_file_path = "c" key_file_path = "k" addr = "127.0.0.1:8443" file_sync_interval = "30s" }
      workload_api { socket_path = "/a.sock" trust_domain = "example.org" poll_interval = "5s"
        experimental { named_pipe_name = "x" } }
      health_checks { bind_port = "9000" ready_path = "/r" live_path = "/l" }
      jwt_issuer = "https://issuer.test/x" jwks_uri = "https://keys.test/keys" server_path_prefix = "/a/b/"
      experimental { listen_named_pipe_name = "x" }
      nobody_knows_this = 1
      """)
    #expect(file.domains == ["a.test", "b.test"])
    #expect(file.setsKeyUse && file.allowsInsecureScheme && file.logsRequests)
    #expect(file.log.level == .debug && file.log.format == .json && file.log.file == "/l")
    #expect(
      file.listener
        == .files(certificate: "c", key: "k", address: try ListenAddress("127.0.0.1:8443"), interval: .seconds(30)))
    #expect(file.source == .workloadAPI(socket: "/a.sock", try TrustDomain("example.org")))
    #expect(file.pollInterval == .seconds(5))
    #expect(file.healthChecks == .init(port: 9000, readyPath: "/r", livePath: "/l"))
    #expect(file.issuer?.description == "https://issuer.test/x" && file.jwksURI == "https://keys.test/keys")
    #expect(file.pathPrefix == "/a/b")
    #expect(file.notices.count == 1, "the insecure scheme")
  }

  @Test func defaults() throws {
    let file = try configuration(rest + "insecure_addr = \":8080\" health_checks {} jwt_issuer = \"https://i.test\"")
    #expect(file.log.level == .info && file.log.file == nil)
    #expect(file.listener == .insecure(try ListenAddress(":8080")))
    #expect(file.source == .file(path: "b.json") && file.pollInterval == .seconds(10))
    #expect(file.healthChecks == .init(port: 8008, readyPath: "/ready", livePath: "/live"))
    #expect(file.pathPrefix == "")
    #expect(file.notices.map(\.level) == [.warning], "jwks_uri follows jwt_issuer")
    let acme = try configuration(rest + "acme { email = \"a@b\" tos_accepted = true }")
    #expect(
      acme.listener
        == .acme(
          .init(
            directoryURL: "https://acme-v02.api.letsencrypt.org/directory", email: "a@b",
            cacheDirectory: "./.acme-cache")))
    let none = try configuration(rest + "acme { email = \"a@b\" tos_accepted = true cache_dir = \"\" }")
    if case .acme(let settings) = none.listener { #expect(settings.cacheDirectory == nil) }
    #expect(
      try configuration(rest + "insecure_addr = \":1\" health_checks { bind_port = -1 }").healthChecks?.port == 8008)
    #expect(
      try configuration(rest + "serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" }").listener
        == .files(certificate: "c", key: "k", address: try ListenAddress(":443"), interval: .seconds(60)))
    for (text, expected) in [("0s", 10), ("-5s", 10), ("7s", 7)] {
      let source = "domains = [\"a\"] listen_socket_path = \"/s\" file { path = \"p\" poll_interval = \"\(text)\" }"
      #expect(try configuration(source).pollInterval == .seconds(expected))
    }
  }

  @Test(arguments: [
    ("unix:///run/s.sock", "/run/s.sock"), ("unix:/run/s.sock", "/run/s.sock"), ("unix:s.sock", "s.sock"),
  ])
  func serverAddresses(_ address: String, _ path: String) throws {
    let file = try configuration("domains = [\"a\"] insecure_addr = \":1\" server_api { address = \"\(address)\" }")
    #expect(file.source == .serverAPI(socket: path))
  }

  @Test func JSONIsReadToo() throws {
    let text = """
      {"domains": ["a.test"], "listen_socket_path": "/s", "server_api": [{"address": "unix:///x"}], "health_checks": {}}
      """
    let file = try configuration(text)
    #expect(file.listener == .socket(path: "/s") && file.source == .serverAPI(socket: "/x"))
  }

  /// The first line is upstream's; what else is wrong follows.
  static let wrong: [(text: String, messages: [String])] = [
    ("insecure_addr = \":1\" file { path = \"p\" }", ["at least one domain must be configured"]),
    (
      "domains = [\"a b\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"a b\" is not a valid domain name: idna: disallowed rune U+0020"]
    ),
    (
      "domains = [\"-a\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"-a\" is not a valid domain name: idna: invalid label \"-a\""]
    ),
    (
      "domains = [\"a..b\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"a..b\" is not a valid domain name: idna: invalid label \"\""]
    ),
    (
      "domains = [\"a:80\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"a:80\" is not a valid domain name: idna: disallowed rune U+003A"]
    ),
    (
      "domains = [\"bücher.test\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"bücher.test\" must already be punycode encoded"]
    ),
    (
      "domains = [\"A.test\"] insecure_addr = \":1\" file { path = \"p\" }",
      ["domain \"A.test\" must already be punycode encoded"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" acme { email = \"e\" tos_accepted = true } file { path = \"p\" }",
      ["insecure_addr and the acme section are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] acme {} file { path = \"p\" }",
      [
        "tos_accepted must be set to true in the acme configuration section",
        "email must be configured in the acme configuration section",
      ]
    ),
    (
      "domains = [\"a\"] acme { email = \"e\" tos_accepted = true directory_url = \"http://x/\" } file { path = \"p\" }",
      ["directory_url in the acme configuration section must use the https scheme"]
    ),
    (
      "domains = [\"a\"] serving_cert_file {} file { path = \"p\" }",
      [
        "cert_file_path must be configured in the serving_cert_file configuration section",
        "key_file_path must be configured in the serving_cert_file configuration section",
      ]
    ),
    (
      "domains = [\"a\"] serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" addr = \"x\" file_sync_interval = \"y\" } file { path = \"p\" }",
      [
        "invalid addr in the serving_cert_file configuration section: address x: missing port in address",
        "invalid file_sync_interval in the serving_cert_file configuration section: time: invalid duration \"y\"",
      ]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" server_api { address = \"unix:/s\" poll_interval = \"1\" }",
      [
        "invalid poll_interval in the server_api configuration section: time: missing unit in duration \"1\""
      ]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" workload_api {}",
      [
        "trust_domain must be configured in the workload_api configuration section",
        "socket_path must be configured in the workload_api configuration section",
      ]
    ),
    (
      "domains = [\"a\"] file { path = \"p\" }",
      ["either acme, serving_cert_file, insecure_addr or listen_socket_path must be configured"]
    ),
    (
      "domains = [\"a\"] acme { email = \"e\" tos_accepted = true } serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" } file { path = \"p\" }",
      ["acme and serving_cert_file are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] listen_socket_path = \"/s\" acme { email = \"e\" tos_accepted = true } file { path = \"p\" }",
      ["listen_socket_path and the acme section are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" } file { path = \"p\" }",
      ["serving_cert_file and insecure_addr are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] listen_socket_path = \"/s\" serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" } file { path = \"p\" }",
      ["serving_cert_file and listen_socket_path are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" listen_socket_path = \"/s\" file { path = \"p\" }",
      ["insecure_addr and listen_socket_path are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" server_api {}",
      ["address must be configured in the server_api configuration section"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" server_api { address = \"tcp://x\" }",
      ["address must use the unix name system in the server_api configuration section"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\"",
      ["exactly one of the server_api, workload_api, or file sections must be configured"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" server_api { address = \"unix:/s\" } file { path = \"p\" }",
      ["the server_api, workload_api, and file sections are mutually exclusive"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" file { path = \"p\" } jwt_issuer = \"issuer.test/a\"",
      ["the jwt_issuer url must contain a scheme"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" file { path = \"p\" } jwt_issuer = \"https:///a\"",
      ["the jwt_issuer url must contain a host"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" file { path = \"p\" } jwt_issuer = \"https://a b/\"",
      ["the jwt_issuer url could not be parsed: parse \"https://a b/\": invalid character \" \" in host name"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" file { path = \"p\" } jwks_uri = \"/keys\"",
      ["the jwks_uri setting could not be parsed: parse \"/keys\": invalid URI for request"]
    ),
    (
      "domains = [\"a\"] insecure_addr = \"1\" file { path = \"p\" } jwks_uri = \"https://x/%zz\" log_level = \"x\"",
      [
        "could not start logger: not a valid logrus Level: \"x\"",
        "invalid insecure_addr: address 1: missing port in address",
        "the jwks_uri setting could not be parsed: parse \"https://x/%zz\": invalid URL escape \"%zz\"",
      ]
    ),
    (
      "domains = [\"a\"] insecure_addr = \":1\" file { path = \"p\" } health_checks { bind_port = 70000 live_path = \"x\" }",
      ["health_checks.bind_port 70000 is not a port", "health_checks.live_path \"x\" must begin with a slash"]
    ),
  ]

  @Test(arguments: wrong.indices) func whatIsWrong(_ index: Int) throws {
    let (text, messages) = Self.wrong[index]
    #expect(try problems(text) == messages, "\(text)")
  }

  @Test func files() throws {
    let folder = NSTemporaryDirectory() + "oidc-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func message(_ name: String, _ text: String?, _ environment: [String: String]? = nil) throws -> String {
      if let text { try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8) }
      do {
        _ = try ProviderConfiguration.load(folder + "/" + name, expandEnvironment: environment)
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      try message("none", nil) == "unable to load configuration: open \(folder)/none: no such file or directory")
    #expect(try message("bad", "domains = [").hasPrefix("unable to decode configuration: At 1:"))
    #expect(try message("type", "domains = { a = 1 } x {").hasPrefix("unable to decode configuration: "))
    #expect(try message("bool", "set_key_use = \"maybe\"").contains("set_key_use: expected true or false"))
    let variables = "domains = [\"$DOMAIN\"] insecure_addr = \":1\" file { path = \"p\" }"
    #expect(try message("expand", variables).contains("U+0024"))
    #expect(try message("expand", variables, ["DOMAIN": "a.test"]) == "")
    #expect(try message("expand", variables, [:]).contains("invalid label \"\""))
  }

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1", 80), (":443", "", 443), ("[::1]:8443", "::1", 8443),
    ("localhost:https", "localhost", 443),
  ])
  func addresses(_ text: String, _ host: String, _ port: Int) throws {
    let address = try ListenAddress(text)
    #expect(address.host == host && address.port == port)
  }

  @Test(arguments: ["", "a", "::1:80", "[::1]", "[::1", "a:b", "a:70000", "a:-1", "a b:1", "[a]:1", "a:1:2"])
  func addressesThatAreNone(_ text: String) { #expect(throws: ListenAddress.Fault.self) { try ListenAddress(text) } }
}
