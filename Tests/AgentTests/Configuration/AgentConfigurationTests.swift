import Agent
import Daemon
import Foundation
import HCL
import Keys
import Plugins
import RPC
import SPIFFE
import TLS
import Testing

@Suite struct AgentConfigurationTests {
  @Test func recordedFile() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
      .standardized
    let path = root.appendingPathComponent("Fuzzing/HCLFuzz/corpus/agent.conf").path
    // The recording gives one name to the folders of both sockets; upstream refuses them in one.
    let text = try String(contentsOfFile: path, encoding: .utf8)
      .replacingOccurrences(of: "DIR/a.sock", with: "ADMIN/a.sock")
    let configuration = try agentConfiguration(text)
    #expect(configuration.serverAddress == "127.0.0.1" && configuration.serverPort == 46857)
    #expect(configuration.dataDirectory == "DIR/adata")
    #expect(configuration.log.level == .debug)
    #expect(configuration.socketPath.hasSuffix("/DIR/agent.sock"))
    #expect(configuration.bootstrap == .file(path: "DIR/bundle.pem", format: .pem))
    #expect(configuration.plugins.map(\.name) == ["join_token", "disk", "unix"])
    #expect(configuration.plugins[1].data == .text("directory = \"DIR/adata\"\n"))
    #expect(configuration.adminSocketPath?.hasSuffix("/ADMIN/a.sock") == true)
    #expect(configuration.notices.isEmpty)
  }

  @Test func defaults() throws {
    let configuration = try agentConfiguration(AgentFile.with())
    #expect(configuration.dataDirectory == ".")
    #expect(configuration.trustDomain.name == "example.org")
    #expect(configuration.serverAddress == "127.0.0.1")
    #expect(configuration.serverPort == 8081)
    #expect(configuration.bootstrap == .file(path: "bundle.pem", format: .pem))
    #expect(configuration.joinToken == nil)
    #expect(configuration.socketPath == "/tmp/spire-agent/public/api.sock")
    #expect(configuration.adminSocketPath == nil)
    #expect(configuration.isWorkloadAPIEnabled && configuration.isSDSAPIEnabled)
    #expect(!configuration.allowUnauthenticatedVerifiers)
    #expect(configuration.availabilityTarget == nil)
    #expect(configuration.workloadX509SVIDKeyType == .ecP256)
    #expect(configuration.x509SVIDCacheMaxSize == 1000 && configuration.jwtSVIDCacheMaxSize == 1000)
    #expect(configuration.syncInterval == .seconds(5))
    #expect(configuration.jwtSVIDCacheHitTimeout == .seconds(30))
    #expect(configuration.usesSyncAuthorizedEntries)
    #expect(configuration.rateLimits == .init())
    #expect(configuration.log == LogSettings())
    #expect(configuration.plugins.map(\.name) == ["join_token", "memory", "unix"])
    #expect(configuration.notices.isEmpty)
  }

  @Test func values() throws {
    let configuration = try agentConfiguration(
      AgentFile.with(
        agent: """
          data_dir = "/d" allow_unauthenticated_verifiers = true allowed_foreign_jwt_claims = ["a", "b"]
          availability_target = "24h" disable_sds_api = true disable_workload_api = "1" join_token = "t"
          log_file = "l" log_level = "DEBUG" log_format = "text" log_selectors = ["unix"] log_source_location = true
          socket_path = "s.sock" trust_bundle_format = "spiffe" workload_x509_svid_key_type = "RSA-2048"
          x509_svid_cache_max_size = 5 jwt_svid_cache_max_size = 6 rebootstrap_mode = "never" rebootstrap_delay = "1m"
          experimental { sync_interval = "1s" jwt_svid_cache_hit_timeout = "5s" use_sync_authorized_entries = false
            ratelimit { fetch_x509_svid = 1 fetch_jwt_svid = 2 fetch_x509_bundles = 3 fetch_jwt_bundles = 4 } }
          """,
        rest: "telemetry { InMem {} }\nhealth_checks { listener_enabled = true }"))
    #expect(configuration.dataDirectory == "/d")
    #expect(configuration.allowUnauthenticatedVerifiers)
    #expect(configuration.allowedForeignJWTClaims == ["a", "b"])
    #expect(configuration.availabilityTarget == .seconds(86400))
    #expect(!configuration.isWorkloadAPIEnabled && !configuration.isSDSAPIEnabled)
    #expect(configuration.joinToken == "t")
    #expect(configuration.log.file == "l" && configuration.log.level == .debug && configuration.log.format == .text)
    #expect(configuration.log.sourceLocation && configuration.logSelectors == ["unix"])
    #expect(configuration.socketPath == FileManager.default.currentDirectoryPath + "/s.sock")
    #expect(configuration.bootstrap == .file(path: "bundle.pem", format: .spiffe))
    #expect(configuration.workloadX509SVIDKeyType == .rsa2048)
    #expect(configuration.x509SVIDCacheMaxSize == 5 && configuration.jwtSVIDCacheMaxSize == 6)
    #expect(configuration.syncInterval == .seconds(1) && configuration.jwtSVIDCacheHitTimeout == .seconds(5))
    #expect(!configuration.usesSyncAuthorizedEntries)
    #expect(configuration.rateLimits.fetchX509SVID == 1 && configuration.rateLimits.fetchJWTSVID == 2)
    #expect(configuration.rateLimits.fetchX509Bundles == 3 && configuration.rateLimits.fetchJWTBundles == 4)
    #expect(configuration.telemetry.hasInMemory && configuration.healthChecks.isEnabled)
    #expect(configuration.notices.count == 2)
    #expect(configuration.notices.last?.fields == ["alert": "true", "alert_type": "deprecated_config"])
  }

  @Test func flagsWin() throws {
    var flags = AgentFlags()
    flags.dataDir = "d"
    flags.joinToken = "t"
    flags.logLevel = "error"
    flags.serverAddress = "server"
    flags.serverPort = 1
    flags.socketPath = "/s"
    flags.trustDomain = "other.org"
    flags.disableWorkloadAPI = true
    flags.disableSDSAPI = true
    flags.trustBundle = "b"
    flags.trustBundleFormat = "spiffe"
    flags.allowUnauthenticatedVerifiers = true
    let configuration = try agentConfiguration(AgentFile.with(agent: "join_token = \"file\""), flags: flags)
    #expect(configuration.dataDirectory == "d" && configuration.joinToken == "t")
    #expect(configuration.log.level == .error)
    #expect(configuration.serverAddress == "server" && configuration.serverPort == 1)
    #expect(configuration.socketPath == "/s" && configuration.trustDomain.name == "other.org")
    #expect(!configuration.isWorkloadAPIEnabled && !configuration.isSDSAPIEnabled)
    #expect(configuration.bootstrap == .file(path: "b", format: .spiffe))
    #expect(configuration.allowUnauthenticatedVerifiers)
    flags = AgentFlags()
    flags.insecureBootstrap = true
    #expect(try agentConfiguration(AgentFile.with(source: ""), flags: flags).bootstrap == .insecure)
  }

  @Test func joinTokenFile() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = AgentFile.with(agent: "join_token_file = \"\(path)\"")
    #expect(
      try agentProblems(text)?.problems.map(\.message) == [
        "unable to read join token file \"\(path)\": open \(path): no such file or directory"
      ])
    try " \n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try agentProblems(text)?.problems.map(\.message) == ["join token file is empty"])
    try " token-1\r\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try agentConfiguration(text).joinToken == "token-1")
    #expect(
      try agentProblems(AgentFile.with(agent: "join_token = \"t\" join_token_file = \"\(path)\""))?.problems.map(
        \.message)
        == ["only one of join_token or join_token_file can be specified, not both"])
  }

  @Test func helmJSON() throws {
    let text = #"""
      {"agent":{"data_dir":"/var/lib/spire","insecure_bootstrap":false,"log_level":"info","server_address":"spire-server",
        "server_port":"443","socket_path":"/tmp/spire-agent/public/spire-agent.sock","trust_bundle_format":"spiffe",
        "trust_bundle_path":"/run/spire/bundle/bundle.spiffe","trust_domain":"example.org",
        "sds":{"default_bundle_name":"null","disable_spiffe_cert_validation":true},"rebootstrap_mode":"never"},
       "health_checks":{"bind_address":"0.0.0.0","bind_port":"9982","listener_enabled":true},
       "plugins":{"KeyManager":{"memory":{"plugin_data":null}},"NodeAttestor":{"join_token":{"plugin_data":{}}},
        "WorkloadAttestor":[{"unix":{"plugin_data":{"discover_workload_path":true}}}]},
       "telemetry":[{"Prometheus":[{"host":"localhost","port":9988}]}]}
      """#
    let configuration = try agentConfiguration(text)
    #expect(configuration.serverPort == 443)
    #expect(configuration.bootstrap == .file(path: "/run/spire/bundle/bundle.spiffe", format: .spiffe))
    #expect(configuration.plugins.last?.data == .text("discover_workload_path = true\n"))
    #expect(configuration.healthChecks.bindPort == 9982)
    #expect(configuration.notices.isEmpty)
    #expect(configuration.secretNames.bundle == "null" && configuration.secretNames.disablesSPIFFEValidation)
  }

  @Test func namesOfSecrets() throws {
    #expect(try agentConfiguration(AgentFile.with(agent: "")).secretNames == SecretNames())
    let some = try agentConfiguration(
      AgentFile.with(
        agent: """
          sds { default_svid_name = "me" default_bundle_name = "null" default_all_bundles_name = "ROOTCA" unknown = 1 }
          """))
    #expect(some.secretNames.svid == "me" && some.secretNames.bundle == "null")
    #expect(some.secretNames.allBundles == "ROOTCA" && !some.secretNames.disablesSPIFFEValidation)
    let same = try agentConfiguration(AgentFile.with(agent: "sds { default_all_bundles_name = \"ROOTCA\" }"))
    #expect(same.secretNames.bundle == "ROOTCA" && same.secretNames.allBundles == nil)
    #expect(
      same.notices.map(\.message) == [
        "The \"default_bundle_name\" and \"default_all_bundles_name\" configurables have the same value."
          + " \"default_all_bundles_name\" will be ignored. Please configure distinct values or use the defaults."
          + " This will be a configuration error in a future release."
      ])
  }

  @Test func limitsOfSecrets() throws {
    let limits = try agentConfiguration(
      AgentFile.with(agent: "experimental { ratelimit { stream_secrets = 3 fetch_secrets = 4 } }")
    ).rateLimits
    #expect(limits.streamSecrets == 3 && limits.fetchSecrets == 4)
  }

  @Test func witFlag() throws {
    #expect(try !agentConfiguration(AgentFile.with(agent: "")).areWITSVIDsEnabled)
    let on = try agentConfiguration(AgentFile.with(agent: "experimental { feature_flags = [\"wit-svid\"] }"))
    #expect(on.areWITSVIDsEnabled)
    #expect(on.notices.last?.message == "Developer feature flag \"wit-svid\" has been enabled")
  }

  @Test(arguments: [("true", true), ("\"true\"", true), ("false", false)])
  func postQuantumKeyExchange(_ value: String, _ isRequired: Bool) throws {
    let text = AgentFile.with(agent: "experimental { require_pq_kem = \(value) }")
    #expect(try agentConfiguration(text).tls == TLSPolicy(requirePostQuantumKeyExchange: isRequired))
    #expect(try agentConfiguration(AgentFile().text).tls == TLSPolicy())
  }
}
