import Agent
import Daemon
import HCL
import HTTP
import Testing

@Suite struct AgentConfigurationErrorTests {
  @Test(
    arguments: [
      ("server_address = \"\"", "server_address must be configured"),
      ("server_port = 0", "server_port must be configured"),
      ("server_port = 70000", "server_port must be between 1 and 65535"),
      ("trust_domain = \"\"", "trust_domain must be configured"),
      (
        "trust_domain = \"a b\"",
        "could not parse trust_domain \"a b\": trust domain characters are limited to lowercase letters, numbers, dots, "
          + "dashes, and underscores"
      ),
      ("availability_target = \"x\"", #"unable to parse availability_target: time: invalid duration "x""#),
      ("availability_target = \"23h\"", "availability_target must be at least 24h0m0s"),
      (
        "workload_x509_svid_key_type = \"rsa-4096\"",
        #"key type "rsa-4096" is unknown; must be one of [rsa-2048, ec-p256, ec-p384]"#
      ),
      ("x509_svid_cache_max_size = -1", "x509_svid_cache_max_size should not be negative"),
      ("jwt_svid_cache_max_size = -1", "jwt_svid_cache_max_size should not be negative"),
      ("log_level = \"loud\"", #"could not start logger: not a valid logrus Level: "loud""#),
      ("log_format = \"xml\"", #"could not start logger: unknown logger format: "xml""#),
      ("trust_bundle_format = \"PEM\"", #"invalid value for trust_bundle_format, expected "pem" or "spiffe""#),
      ("rebootstrap_delay = \"x\"", #"error parsing rebootstrap delay duration: time: invalid duration "x""#),
      (
        "admin_socket_path = \"/tmp/spire-agent/public/x/admin.sock\"",
        "admin socket cannot be in the same directory or a subdirectory as that containing the Workload API socket"
      ),
      (
        "experimental { sync_interval = \"x\" }",
        #"could not parse synchronization interval: time: invalid duration "x""#
      ),
      ("experimental { jwt_svid_cache_hit_timeout = \"4s\" }", "jwt_svid_cache_hit_timeout must be greater than 5s"),
      ("experimental { jwt_svid_cache_hit_timeout = \"30s\" }", "jwt_svid_cache_hit_timeout must be less than 30s"),
      (
        "experimental { ratelimit { fetch_jwt_svid = -1 } }",
        "experimental.ratelimit.fetch_jwt_svid must not be negative"
      ),
      (
        "experimental { named_pipe_name = \"x\" }",
        "invalid configuration: named_pipe_name is not supported in this platform; please use socket_path instead"
      ),
      (
        "experimental { admin_named_pipe_name = \"x\" }",
        "invalid configuration: admin_named_pipe_name is not supported in this platform;"
          + " please use admin_socket_path instead"
      ),
      ("experimental { feature_flags = [\"x\"] }", "error loading feature flags: unknown feature flag(s): [x]"),
      (
        "authorized_delegates = [\"spiffe://example.org/a\", \"spiffe://other.org/a\"]",
        #"error validating authorized delegate: SPIFFE ID "spiffe://other.org/a" is not a member of trust domain "#
          + #""example.org""#
      ),
      (
        "authorized_delegates = [\"x\"]",
        "error validating authorized delegate: scheme is missing or invalid"
      ),
      (
        "authorized_delegates = [\"spiffe://example.org\"]",
        #"error validating authorized delegate: SPIFFE ID "spiffe://example.org" has no path, so it is no workload's"#
      ),
    ])
  func agentValues(_ lines: String, _ message: String) throws {
    let error = try #require(try agentProblems(AgentFile.with(agent: lines)))
    #expect(error.problems.map(\.message) == [message])
    #expect(error.code == .invalid)
  }

  @Test(
    arguments: [
      (
        "",
        "trust_bundle_path, trust_bundle_url, or trust_bundle_spiffe_workload_api must be configured"
          + " unless insecure_bootstrap is set"
      ),
      ("W I", "only one of insecure_bootstrap or trust_bundle_spiffe_workload_api can be specified, not both"),
      ("W U", "only one of trust_bundle_url or trust_bundle_spiffe_workload_api can be specified, not both"),
      ("W P", "only one of trust_bundle_path or trust_bundle_spiffe_workload_api can be specified, not both"),
      ("W S", "trust_bundle_unix_socket can not be used with trust_bundle_spiffe_workload_api"),
      (
        "I U P",
        "only one of insecure_bootstrap, trust_bundle_url, or trust_bundle_path can be specified, not the three options"
      ),
      ("I U", "only one of insecure_bootstrap or trust_bundle_url can be specified, not both"),
      ("I P", "only one of insecure_bootstrap or trust_bundle_path can be specified, not both"),
      ("U P", "only one of trust_bundle_url or trust_bundle_path can be specified, not both"),
      ("S P", "if trust_bundle_unix_socket is specified, so must be trust_bundle_url"),
      ("H", "trust bundle URL must start with https://"),
      ("U S", "trust bundle URL must start with http:// when used with trust bundle unix socket"),
      ("Q S", "trust_bundle_url query params can not start with spiffe-"),
      ("R S", "trust_bundle_url query params can not start with spire-"),
      ("B", "unable to parse trust bundle URL: parse \"https://x:y\": invalid port \":y\" after host"),
      ("N", "unable to parse trust bundle URL: it must specify the host"),
      (
        "V",
        "trust_bundle_spiffe_workload_api is not a valid SPIFFE Workload API endpoint address: "
          + "workload endpoint unix socket URI must not be opaque"
      ),
    ])
  func bundleSources(_ sources: String, _ message: String) throws {
    let lines = [
      "W": "trust_bundle_spiffe_workload_api = \"unix:/x\"", "I": "insecure_bootstrap = true",
      "U": "trust_bundle_url = \"https://x\"", "P": "trust_bundle_path = \"p\"",
      "S": "trust_bundle_unix_socket = \"/s\"", "V": "trust_bundle_spiffe_workload_api = \"unix:x\"",
      "B": "trust_bundle_url = \"https://x:y\"", "N": "trust_bundle_url = \"https:///x\"",
      "R": "trust_bundle_url = \"http://x?%73pire-x=1\"",
      "H": "trust_bundle_url = \"http://x\"", "Q": "trust_bundle_url = \"http://x?a=1&spiffe-x=1\"",
    ]
    let source = sources.split(separator: " ").compactMap { lines[String($0)] }.joined(separator: "\n")
    let error = try #require(try agentProblems(AgentFile.with(source: source)))
    #expect(error.problems.first?.message == message)
  }

  @Test func orderOfRequiredKeys() throws {
    let error = try #require(try agentProblems("agent { join_token = \"a\" join_token_file = \"b\" }"))
    #expect(
      error.problems.map(\.message) == [
        "plugins section must be configured", "only one of join_token or join_token_file can be specified, not both",
        "server_address must be configured", "server_port must be configured", "trust_domain must be configured",
        "trust_bundle_path, trust_bundle_url, or trust_bundle_spiffe_workload_api must be configured"
          + " unless insecure_bootstrap is set",
      ])
  }

  @Test func pluginCounts() throws {
    var file = AgentFile()
    file.plugins = ""
    #expect(
      try agentProblems(file.text)?.problems.map(\.message) == [
        #"plugin type "KeyManager" constraint not satisfied: expected exactly 1 but got 0"#,
        #"plugin type "NodeAttestor" constraint not satisfied: expected exactly 1 but got 0"#,
        #"plugin type "WorkloadAttestor" constraint not satisfied: expected at least 1 but got 0"#,
      ])
  }

  @Test func rebootstrap() throws {
    #expect(
      try agentProblems(AgentFile.with(agent: "rebootstrap_mode = \"Auto\""))?.problems.first?.message
        == "unknown rebootstrap mode specified: Auto")
    let insecure = AgentFile.with(source: "insecure_bootstrap = true\n rebootstrap_mode = \"auto\"")
    #expect(
      try agentProblems(insecure)?.problems.first?.message
        == "insecure_bootstrap option can not be used with rebootstrapping")
    var flags = AgentFlags()
    flags.rebootstrapMode = "always"
    let configuration = try agentConfiguration(AgentFile.with(agent: "rebootstrap_delay = \"90s\""), flags: flags)
    #expect(configuration.rebootstrapMode == .always && configuration.rebootstrapDelay == .seconds(90))
    flags = AgentFlags()
    flags.trustBundleURL = "https://x"
    #expect(
      try agentConfiguration(AgentFile.with(source: ""), flags: flags).bootstrap
        == .web(WebURL("https://x"), format: .pem))
  }

  @Test func adminSocketRuleNeedsAPublicSocket() throws {
    let text = AgentFile.with(
      agent: "admin_socket_path = \"/tmp/spire-agent/public/a.sock\" disable_sds_api = true disable_workload_api = true"
    )
    #expect(try agentProblems(text) == nil)
    let other = AgentFile.with(agent: "admin_socket_path = \"/tmp/spire-agent/publicly/a.sock\"")
    #expect(try agentProblems(other) == nil)
  }

  @Test func unknownKeys() throws {
    let text = AgentFile.with(
      agent: """
        z = 1 sds { q = 1 }
        experimental { q = 1 ratelimit { a = 1 } broker { b = 1 brokers = [{ c = 1 allowed_reference_types = [{ d = 1 }] }] } }
        """,
      rest: "server {}\ntelemetry { q = 1 Prometheus { f = 1 } }\nhealth_checks { k = 1 }")
    let error = try #require(try agentProblems(text))
    #expect(
      error.notices.filter { $0.level == .error }
        .map { "\($0.fields["section"] ?? "")=\($0.fields["keys"] ?? "")" }.sorted() == [
          "Prometheus=f", "agent=z", "experimental.broker.brokers[0].allowed_reference_types[0]=d",
          "experimental.broker.brokers[0]=c", "experimental.broker=b", "health check=k", "ratelimit=a",
          "top-level=server",
        ])
    #expect(error.problems.contains { $0.message == "unknown configuration detected" })
  }
}
