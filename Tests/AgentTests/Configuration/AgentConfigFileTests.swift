import Agent
import HCL
import Plugins
import Testing

@Suite struct AgentConfigFileTests {
  /// Every key of the reference.
  static let full = #"""
    agent {
      data_dir = "d" admin_socket_path = "a" allow_unauthenticated_verifiers = true allowed_foreign_jwt_claims = ["c"]
      authorized_delegates = ["spiffe://a/b"] availability_target = "24h" disable_sds_api = true
      disable_workload_api = true insecure_bootstrap = true rebootstrap_mode = "never" rebootstrap_delay = "10m"
      join_token = "t" join_token_file = "f" log_file = "l" log_level = "INFO" log_format = "text"
      log_selectors = ["unix"] log_source_location = true profiling_enabled = true profiling_port = 1
      profiling_freq = 1 profiling_names = ["heap"] server_address = "a" server_port = 1 socket_path = "s"
      sds { default_svid_name = "a" default_bundle_name = "b" default_all_bundles_name = "c"
        disable_spiffe_cert_validation = true }
      trust_bundle_path = "p" trust_bundle_url = "u" trust_bundle_unix_socket = "s"
      trust_bundle_spiffe_workload_api = "w" trust_bundle_format = "pem" trust_domain = "t"
      workload_x509_svid_key_type = "ec-p256" x509_svid_cache_max_size = 1 jwt_svid_cache_max_size = 1
      experimental {
        sync_interval = "5s" jwt_svid_cache_hit_timeout = "5s" named_pipe_name = "n" admin_named_pipe_name = "n"
        use_sync_authorized_entries = true require_pq_kem = true feature_flags = ["wit-svid"]
        ratelimit { fetch_x509_svid = 1 fetch_jwt_svid = 1 fetch_x509_bundles = 1 fetch_jwt_bundles = 1
          stream_secrets = 1 fetch_secrets = 1 }
        broker { socket_path = "s" bind_address = "b" brokers = [
          { id = "spiffe://a/b" allowed_reference_types = [{ type_url = "*" allow_over_tcp = true }] }] }
      }
    }
    plugins {}
    telemetry {}
    health_checks {}
    """#

  static func missing(_ value: Any) -> [String] {
    Mirror(reflecting: value).children.compactMap { child in
      let mirror = Mirror(reflecting: child.value)
      return mirror.displayStyle == .optional && mirror.children.isEmpty ? child.label : nil
    }
  }

  @Test func everyKeyIsRead() throws {
    let file = try AgentConfigFile(HCLDocument.parse(Self.full, file: "full.conf"))
    #expect(file.unknownKeys.isEmpty)
    #expect(Self.missing(file).isEmpty)
    #expect(Self.missing(file.agent).isEmpty)
    #expect(Self.missing(try #require(file.agent.sds)).isEmpty)
    let experimental = try #require(file.agent.experimental)
    #expect(Self.missing(experimental).isEmpty && experimental.isInUse)
    #expect(Self.missing(try #require(experimental.rateLimit)).isEmpty)
    let broker = try #require(experimental.broker)
    #expect(Self.missing(broker).isEmpty)
    #expect(broker.brokers.first?.id == "spiffe://a/b")
    let type = try #require(broker.brokers.first?.allowedReferenceTypes.first)
    #expect(Self.missing(type).isEmpty)
    #expect(file.plugins?.plugins.isEmpty == true)
  }
}
