import Daemon
import DaemonTesting
import Foundation
import HCL
import Keys
import Plugins
import RPC
import SPIFFE
import Server
import TLS
import Testing

@Suite struct ServerConfigurationTests {
  @Test func recordedFile() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
      .standardized
    var flags = ServerFlags()
    flags.config = root.appendingPathComponent("Fuzzing/HCLFuzz/corpus/server.conf").path
    let configuration = try ServerConfiguration.load(flags, environment: [:])
    #expect(configuration.trustDomain.name == "example.org")
    #expect(configuration.bindPort == 46857)
    #expect(configuration.bindIP == "127.0.0.1")
    #expect(configuration.socketPath.hasSuffix("/DIR/admin.sock"))
    #expect(configuration.dataDirectory == "DIR/sdata")
    #expect(configuration.log.level == .debug)
    #expect(configuration.caTTL == .seconds(86400))
    #expect(configuration.jwtIssuer == "https://oidc.example.org")
    #expect(configuration.datastore.name == "sql")
    let data = "database_type = \"sqlite3\"\nconnection_string = \"DIR/sdata/datastore.sqlite3\"\n"
    #expect(configuration.datastore.data == .text(data))
    #expect(configuration.plugins.map(\.name) == ["disk", "join_token"])
    #expect(configuration.plugins[0].data == .text("keys_path = \"DIR/sdata/keys.json\"\n"))
    #expect(configuration.plugins[0].position?.line == 14)
    #expect(configuration.notices.isEmpty)
  }

  @Test func defaults() throws {
    let text = ServerFile.with().replacingOccurrences(of: "bind_address = \"127.0.0.1\"", with: "")
    let configuration = try serverConfiguration(text)
    #expect(configuration.bindAddress == "0.0.0.0")
    #expect(configuration.bindIP == "0.0.0.0")
    #expect(configuration.bindPort == 8081)
    #expect(configuration.socketPath == "/tmp/spire-server/private/api.sock")
    #expect(configuration.log == LogSettings())
    #expect(configuration.caKeyType == .ecP256)
    #expect(configuration.jwtKeyType == .ecP256)
    #expect(configuration.caSubject.country == ["US"])
    #expect(configuration.caSubject.organization == ["SPIFFE"])
    #expect(configuration.caSubject.commonName.isEmpty)
    #expect(configuration.caTTL == .seconds(86400))
    #expect(configuration.agentTTL == .seconds(3600))
    #expect(configuration.defaultX509SVIDTTL == .seconds(3600))
    #expect(configuration.defaultJWTSVIDTTL == .seconds(300))
    #expect(configuration.limitsAttestation && configuration.limitsSigning)
    #expect(!configuration.areJWTSVIDsDisabled && !configuration.isAuditLogEnabled)
    #expect(configuration.maxAttestedNodeInfoStaleness == .zero)
    #expect(configuration.pruneAttestedNodesExpiredFor == nil)
    #expect(configuration.pruneAttestedNodesBatchSize == 1000)
    #expect(configuration.events == EventSettings())
    #expect(configuration.telemetry == TelemetrySettings())
    #expect(configuration.healthChecks == HealthCheckSettings())
  }

  @Test func values() throws {
    let configuration = try serverConfiguration(
      ServerFile.with(
        server: """
          bind_port = "9000" admin_ids = ["spiffe://a/b", "spiffe://c"] agent_ttl = "2h" audit_log_enabled = "true"
          ca_key_type = "RSA-4096" jwt_key_type = "ec-p384" ca_ttl = "48h" default_x509_svid_ttl = "30m"
          default_jwt_svid_ttl = "1m" disable_jwt_svids = 1 log_file = "x.log" log_format = "JSON" log_level = "Warn"
          log_source_location = true max_attested_node_info_staleness = "1m" prune_attested_nodes_expired_for = "720h"
          prune_attested_nodes_batch_size = 5 prune_tofu_nodes = true socket_path = "/run/x/../s.sock"
          ca_subject { country = ["DE"] organization = ["A", "B"] common_name = "n" }
          ratelimit { attestation = false signing = "false" }
          experimental { agent_spiffe_id_as_selector = true cache_reload_interval = "1s" }
          """,
        rest: """
          telemetry { Prometheus { host = "0.0.0.0" port = 9988 } InMem {} MetricPrefix = "p" EnableTrustDomainLabel = true
            EnableHostnameLabel = false AllowedPrefixes = ["a"] BlockedPrefixes = ["b"] AllowedLabels = ["c"]
            BlockedLabels = ["d"] }
          health_checks { listener_enabled = true bind_address = "[::1]" bind_port = 8080 live_path = "/l" ready_path = "/r" }
          """))
    #expect(configuration.bindPort == 9000)
    #expect(configuration.adminIDs.map(\.description) == ["spiffe://a/b", "spiffe://c"])
    #expect(configuration.agentTTL == .seconds(7200))
    #expect(configuration.isAuditLogEnabled && configuration.areJWTSVIDsDisabled)
    #expect(configuration.caKeyType == .rsa4096)
    #expect(configuration.jwtKeyType == .ecP384)
    #expect(configuration.caTTL == .seconds(48 * 3600))
    #expect(configuration.defaultX509SVIDTTL == .seconds(1800))
    #expect(configuration.defaultJWTSVIDTTL == .seconds(60))
    #expect(configuration.log.file == "x.log")
    #expect(configuration.log.format == .json)
    #expect(configuration.log.level == .warning)
    #expect(configuration.log.sourceLocation)
    #expect(configuration.maxAttestedNodeInfoStaleness == .seconds(60))
    #expect(configuration.pruneAttestedNodesExpiredFor == .seconds(720 * 3600))
    #expect(configuration.pruneAttestedNodesBatchSize == 5)
    #expect(configuration.pruneTOFUNodes)
    #expect(configuration.socketPath == "/run/s.sock")
    #expect(configuration.caSubject.organization == ["A", "B"])
    #expect(!configuration.limitsAttestation && !configuration.limitsSigning)
    #expect(configuration.agentSPIFFEIDAsSelector)
    #expect(configuration.events.pollInterval == .seconds(1))
    #expect(configuration.telemetry.prometheus == .init(host: "0.0.0.0", port: 9988))
    #expect(configuration.telemetry.hasInMemory && configuration.telemetry.enableTrustDomainLabel)
    #expect(!configuration.telemetry.enableHostnameLabel)
    #expect(configuration.telemetry.metricPrefix == "p")
    #expect(configuration.telemetry.allowedPrefixes == ["a"])
    #expect(configuration.telemetry.blockedPrefixes == ["b"])
    #expect(configuration.telemetry.allowedLabels == ["c"])
    #expect(configuration.telemetry.blockedLabels == ["d"])
    #expect(configuration.healthChecks.isEnabled)
    #expect(configuration.healthChecks.bindAddress == "::1")
    #expect(configuration.healthChecks.bindPort == 8080)
    #expect(configuration.healthChecks.livePath == "/l")
    #expect(configuration.healthChecks.readyPath == "/r")
    #expect(
      configuration.notices.map(\.message) == [
        "Experimental features have been enabled. Please see doc/upgrading.md for upgrade and compatibility"
          + " considerations for experimental features.",
        "Server is now configured to accept remote network connections for Prometheus stats collection."
          + " Please ensure access to this port is tightly controlled.",
      ])
  }

  @Test func flagsWinUnlessTheyAreZero() throws {
    var flags = ServerFlags()
    let text = ServerFile.with(
      server: "bind_port = 1 socket_path = \"/a\" log_level = \"error\" log_format = \"text\" log_file = \"f\"\n"
        + "log_source_location = true")
    let unchanged = try serverConfiguration(text, flags: flags)
    #expect(unchanged.bindPort == 1)
    #expect(unchanged.log.sourceLocation)
    flags.bindAddress = "127.0.0.2"
    flags.serverPort = 2
    flags.socketPath = "/b"
    flags.trustDomain = "spiffe://other.org"
    flags.dataDir = "d"
    flags.logLevel = "debug"
    flags.logFormat = "json"
    flags.logFile = "g"
    let changed = try serverConfiguration(text, flags: flags)
    #expect(changed.bindIP == "127.0.0.2")
    #expect(changed.bindPort == 2)
    #expect(changed.socketPath == "/b")
    #expect(changed.trustDomain.name == "other.org")
    #expect(changed.dataDirectory == "d")
    #expect(changed.log.level == .debug)
    #expect(changed.log.format == .json)
    #expect(changed.log.file == "g")
    // A zero in the file does not replace a default either.
    let zeros = try serverConfiguration(ServerFile.with(server: "bind_port = 0 ca_ttl = \"\" log_level = \"\""))
    #expect(zeros.bindPort == 8081)
    #expect(zeros.caTTL == .seconds(86400))
  }

  @Test func helmJSON() throws {
    let text = #"""
      {"server":{"trust_domain":"example.org","bind_address":"127.0.0.1","bind_port":"8081","data_dir":"/d",
        "log_level":"info","ca_subject":[{"country":["NL"],"organization":["Example"],"common_name":"e"}],
        "experimental":{},"audit_log_enabled":false},
       "plugins":{"DataStore":[{"sql":{"plugin_data":{"connection_string":"/d/x","database_type":"sqlite3"}}}],
        "KeyManager":{"memory":{"plugin_data":null}},"NodeAttestor":{"join_token":{"plugin_data":{}}}},
       "telemetry":[{"Prometheus":[{"host":"localhost","port":9988}]}],
       "health_checks":{"bind_address":"0.0.0.0","bind_port":"8080","listener_enabled":true,"live_path":"/live",
        "ready_path":"/ready"}}
      """#
    let configuration = try serverConfiguration(text)
    #expect(configuration.caSubject.country == ["NL"])
    #expect(configuration.plugins.map(\.name) == ["memory", "join_token"])
    #expect(configuration.plugins[0].data == .none)
    #expect(configuration.telemetry.prometheus?.port == 9988)
    #expect(configuration.healthChecks.bindPort == 8080)
    #expect(configuration.notices.isEmpty)
  }

  @Test func lifetimeWarnings() throws {
    func warnings(_ lines: String) throws -> [String] {
      try serverConfiguration(ServerFile.with(server: lines)).notices.map(\.message)
    }
    let end = "lifetime when CA rotations are scheduled."
    #expect(
      try warnings("ca_ttl = \"5m\" default_x509_svid_ttl = \"2m\" default_jwt_svid_ttl = \"10s\"") == [
        "default_x509_svid_ttl is too high for the configured ca_ttl value. SVIDs with shorter lifetimes may be issued."
          + " Please set default_x509_svid_ttl to 50s or less, or the ca_ttl to 12m or more, to guarantee the full"
          + " default_x509_svid_ttl \(end)"
      ])
    #expect(
      try warnings("agent_ttl = \"200h\"") == [
        "agent_ttl is too high and the ca_ttl is too low. SVIDs with shorter lifetimes may be issued."
          + " Please set agent_ttl to 168h or less, and the ca_ttl to 1008h or more, to guarantee the full agent_ttl \(end)"
      ])
    #expect(
      try warnings("ca_ttl = \"2000h\" default_jwt_svid_ttl = \"169h\"") == [
        "default_jwt_svid_ttl is too high. SVIDs with shorter lifetimes may be issued."
          + " Please set default_jwt_svid_ttl to 168h or less, to guarantee the full default_jwt_svid_ttl \(end)"
      ])
    #expect(try warnings("ca_ttl = \"6h\"").isEmpty)
  }

  @Test func otherWarnings() throws {
    let long = (0..<3).map { _ in String(repeating: "a", count: 100) }.joined(separator: ".")
    var flags = ServerFlags()
    flags.trustDomain = long
    let text = ServerFile.with(
      server: "ca_subject {} experimental { sql_transaction_timeout = \"1m\" feature_flags = [\"i_am_a_test_flag\"] }")
    let notices = try serverConfiguration(text, flags: flags).notices
    #expect(notices.count == 5)
    #expect(notices[0].fields == ["trust_domain": long])
    #expect(notices[1].message == "ca_subject is empty; the default subject C=US,O=SPIFFE is used")
    #expect(notices[2].message.hasPrefix("Experimental features have been enabled."))
    #expect(notices[3].fields == ["alert": "true", "alert_type": "deprecated_config"])
    #expect(notices[4].message == "Developer feature flag \"i_am_a_test_flag\" has been enabled")
  }

  @Test func witKeys() throws {
    let off = try serverConfiguration(
      ServerFile.with(server: #"experimental { wit_key_type = "ec-p384" wit_issuer = "w" }"#))
    #expect(!off.areWITSVIDsEnabled && off.witKeyType == .ecP384 && off.witIssuer == "w")
    #expect(!off.notices.contains { $0.message == "Configuration keys have no effect in this version" })
    let on = try serverConfiguration(
      ServerFile.with(server: #"ca_key_type = "rsa-2048" experimental { feature_flags = ["wit-svid"] }"#))
    #expect(on.areWITSVIDsEnabled && on.witKeyType == .rsa2048 && on.witIssuer.isEmpty)
    #expect(on.notices.last?.message == "Developer feature flag \"wit-svid\" has been enabled")
    let bad = try serverProblems(ServerFile.with(server: #"experimental { wit_key_type = "dsa" }"#))
    #expect(
      bad?.problems.map(\.message) == [
        "error parsing wit_key_type: key type \"dsa\" is unknown; "
          + "must be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]"
      ])
    #expect(bad?.problems.first?.key == "server.experimental.wit_key_type")
  }

  @Test(arguments: [("true", true), ("\"true\"", true), ("false", false)])
  func postQuantumKeyExchange(_ value: String, _ isRequired: Bool) throws {
    let text = ServerFile.with(server: "experimental { require_pq_kem = \(value) }")
    #expect(try serverConfiguration(text).tls == TLSPolicy(requirePostQuantumKeyExchange: isRequired))
    #expect(try serverConfiguration(ServerFile().text).tls == TLSPolicy())
  }
}
