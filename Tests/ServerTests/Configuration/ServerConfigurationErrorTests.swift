import Daemon
import Foundation
import HCL
import Plugins
import Server
import Testing

@Suite struct ServerConfigurationErrorTests {
  @Test(
    arguments: [
      ("admin_ids = [\"spiffe://a/\"]", #"could not parse admin ID "spiffe://a/": path cannot have a trailing slash"#),
      ("agent_ttl = \"x\"", #"could not parse agent ttl "x": time: invalid duration "x""#),
      ("ca_ttl = \"1d\"", #"could not parse default CA ttl "1d": time: unknown unit "d" in duration "1d""#),
      ("ca_ttl = \"-1h\"", #"could not parse default CA ttl "-1h": must not be negative"#),
      (
        "default_x509_svid_ttl = \"5\"",
        #"could not parse default X509 SVID ttl "5": time: missing unit in duration "5""#
      ),
      ("default_jwt_svid_ttl = \"s\"", #"could not parse default JWT SVID ttl "s": time: invalid duration "s""#),
      (
        "bind_port = 70000",
        #"could not resolve bind address "127.0.0.1:70000": address 70000: invalid port"#
      ),
      (
        "ca_key_type = \"dsa\"",
        "error parsing ca_key_type: key type \"dsa\" is unknown; "
          + "must be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]"
      ),
      (
        "jwt_key_type = \"dsa\"",
        "error parsing jwt_key_type: key type \"dsa\" is unknown; "
          + "must be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]"
      ),
      ("log_level = \"loud\"", #"could not start logger: not a valid logrus Level: "loud""#),
      ("log_format = \"xml\"", #"could not start logger: unknown logger format: "xml""#),
      (
        "max_attested_node_info_staleness = \"x\"",
        #"could not parse max attested node staleness: time: invalid duration "x""#
      ),
      (
        "prune_attested_nodes_expired_for = \"x\"",
        #"could not parse prune_attested_nodes_expired_for: time: invalid duration "x""#
      ),
      (
        "trust_domain = \"Example\"",
        "could not parse trust_domain \"Example\": trust domain characters are limited to lowercase letters, numbers, "
          + "dots, dashes, and underscores"
      ),
      ("trust_domain = \"\"", "trust_domain must be configured"),
      ("data_dir = \"\"", "data_dir must be configured"),
      (
        "experimental { event_timeout = \"1m\" sql_transaction_timeout = \"1m\" }",
        "both experimental sql_transaction_timeout and event_timeout set, only set event_timeout"
      ),
      (
        "experimental { named_pipe_name = \"x\" }",
        "invalid configuration: named_pipe_name is not supported in this platform; please use socket_path instead"
      ),
      (
        "experimental { cache_reload_interval = \"x\" }",
        #"could not parse cache reload interval: time: invalid duration "x""#
      ),
      (
        "experimental { full_cache_reload_interval = \"x\" }",
        #"could not parse full cache reload interval: time: invalid duration "x""#
      ),
      (
        "experimental { prune_events_older_than = \"x\" }",
        #"could not parse prune events interval: time: invalid duration "x""#
      ),
      (
        "experimental { event_timeout = \"x\" }",
        #"could not parse event timeout interval: time: invalid duration "x""#
      ),
      (
        "experimental { sql_transaction_timeout = \"x\" }",
        #"could not parse SQL transaction timeout interval: time: invalid duration "x""#
      ),
      (
        "experimental { events_based_cache = true full_cache_reload_interval = \"5s\" }",
        "full cache reload interval must be greater than cache reload interval"
      ),
      (
        "experimental { feature_flags = [\"x\", \"y\"] }",
        "error loading feature flags: unknown feature flag(s): [x y]"
      ),
    ])
  func serverValues(_ lines: String, _ message: String) throws {
    let error = try #require(try serverProblems(ServerFile.with(server: lines)))
    #expect(error.problems.map(\.message) == [message])
    #expect(error.code == .invalid)
  }

  @Test(
    arguments: [
      ("KeyManager \"memory\" {}", #"plugin "KeyManager"/"memory" declared more than once"#),
      ("KeyManager \"disk\" {}", #"plugin type "KeyManager" constraint not satisfied: expected exactly 1 but got 2"#),
      ("DataStore \"other\" {}", "only one DataStore plugin is allowed"),
      ("Toaster \"x\" {}", #"unsupported plugin type "Toaster""#),
      ("NodeAttestor \"x\" {}", #"no built-in plugin "x" for type "NodeAttestor""#),
      (
        "NodeAttestor \"join_token\" { plugin_data { a = 1 } plugin_data_file = \"f\" }",
        "only one of [plugin_data, plugin_data_file] can be used"
      ),
      (
        "NodeAttestor \"join_token\" { plugin_cmd = \"/x\" }",
        "the built-in join_token node attestor cannot be overridden by an external plugin"
      ),
    ])
  func pluginBlocks(_ lines: String, _ message: String) throws {
    let error = try #require(try serverProblems(ServerFile.with(plugins: lines)))
    #expect(error.problems.first?.message == message)
    #expect(error.problems.first?.place != nil)
  }

  @Test func dataStoreRules() throws {
    var file = ServerFile()
    file.plugins = "KeyManager \"memory\" {}"
    #expect(try serverProblems(file.text)?.problems.map(\.message) == ["expecting a DataStore plugin"])
    file.plugins += "\nDataStore \"sql\" { plugin_cmd = \"/x\" }"
    let text = #"pluggability for the DataStore is deprecated; only the built-in "sql" plugin is supported"#
    #expect(try serverProblems(file.text)?.problems.map(\.message) == [text])
    #expect(
      try serverProblems("server { trust_domain = \"a\" data_dir = \"d\" bind_address = \"127.0.0.1\" }")?.description
        == "plugins section must be configured")
  }

  @Test func disabledPluginsAreLetThrough() throws {
    let configuration = try serverConfiguration(
      ServerFile.with(plugins: "NodeAttestor \"x509pop\" { enabled = false plugin_cmd = \"/x\" }"))
    #expect(configuration.plugins.last?.isEnabled == false)
  }

  @Test func everythingAtOnceInUpstreamsOrder() throws {
    let text = """
      server {
        trust_domain = "Example"
        agent_ttl = "x"
        log_level = "loud"
        proxy_protocol_trusted_cidrs = ["10.0.0.0/8"]
        bind_prot = 1
        bind_address = "127.0.0.1"
      }
      plugins {
        KeyManager "aws_kms" {}
      }
      """
    let error = try #require(try serverProblems(text))
    #expect(
      error.description == """
        data_dir must be configured
        could not start logger: not a valid logrus Level: "loud"
            at server.conf:4:15 (server.log_level)
        could not parse trust_domain "Example": trust domain characters are limited to lowercase letters, numbers, \
        dots, dashes, and underscores
            at server.conf:2:18 (server.trust_domain)
        could not parse agent ttl "x": time: invalid duration "x"
            at server.conf:3:15 (server.agent_ttl)
        plugins.KeyManager.aws_kms is not supported by this version: the plugin is not there yet; remove it if that is \
        what you want
            at server.conf:10:1 (plugins.KeyManager.aws_kms)
        expecting a DataStore plugin
            at server.conf:9:9 (plugins)
        unknown configuration detected
        unknown key "bind_prot" in section server
            at server.conf:6:3
        server.proxy_protocol_trusted_cidrs is not supported by this version: callers would be known by the load \
        balancer's address, not their own; remove it if that is what you want
            at server.conf:5:34 (server.proxy_protocol_trusted_cidrs)
        """)
  }

  @Test func unknownKeys() throws {
    let text = ServerFile.with(
      server: """
        z = 1 y = 1 ca_subject { b = 1 } ratelimit { c = 1 }
        federation { x = 1 bundle_endpoint { d = 1 acme { e = 1 } profile "https_web" { q = 1 } } federates_with "t" { q = 1 } }
        experimental { q = 1 }
        """,
      rest: """
        top = 1
        telemetry { q = 1 Prometheus { f = 1 tls { q = 1 } } DogStatsd = [{ g = 1 }] Statsd { h = 1 } M3 { i = 1 } InMem { j = 1 } }
        health_checks { k = 1 }
        """)
    let error = try #require(try serverProblems(text))
    let found = error.notices.filter { $0.level == .error }
    #expect(found.allSatisfy { $0.message == "Unknown configuration detected" })
    #expect(
      found.map { "\($0.fields["section"] ?? "")=\($0.fields["keys"] ?? "")" }.sorted() == [
        "DogStatsd=g", "InMem=j", "M3=i", "Prometheus=f", "Statsd=h", "bundle endpoint ACME=e", "bundle endpoint=d",
        "ca_subject=b", "health check=k", "ratelimit=c", "server=y,z", "top-level=top",
      ])
    #expect(error.problems.contains { $0.message == "unknown configuration detected" && $0.code == .unknownKeys })
  }

  @Test func filesThatCannotBeRead() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func message(_ path: String, _ text: String? = nil) throws -> String? {
      if let text { try text.write(toFile: path, atomically: true, encoding: .utf8) }
      var flags = ServerFlags()
      flags.config = path
      do {
        _ = try ServerConfiguration.load(flags, environment: [:])
        return nil
      } catch {
        return error.description
      }
    }
    #expect(
      try message(folder + "/none/../x.conf")
        == "could not find config file \(folder)/x.conf: please use the -config flag")
    #expect(
      try message(folder) == "unable to read configuration at \"\(folder)\": read \(folder): is a directory")
    let path = folder + "/server.conf"
    #expect(
      try message(path, "server {\n  a = =\n  b = 1h\n}")
        == """
        unable to decode configuration at "\(path)": At 2:7: expected a value, got "="
        \(path):3:7: malformed number 1h: text needs double quotes
        """)
    #expect(
      try message(path, "server {\n  bind_port = \"x\"\n}")
        == "unable to decode configuration at \"\(path)\": At 2:15: server.bind_port: expected an integer, got \"x\"")
  }

  @Test func environmentIsExpandedOnlyWhenAskedFor() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = ServerFile.with(server: "jwt_issuer = \"https://${DOMAIN}/$$x\"")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    var flags = ServerFlags()
    flags.config = path
    #expect(try ServerConfiguration.load(flags, environment: [:]).jwtIssuer == "https://${DOMAIN}/$$x")
    flags.expandEnv = true
    #expect(try ServerConfiguration.load(flags, environment: ["DOMAIN": "d"]).jwtIssuer == "https://d/$x")
  }
}
