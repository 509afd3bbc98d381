import Daemon
import HCL
import Plugins
import Server
import Testing

@Suite struct ServerConfigFileTests {
  /// Every key of the reference.
  static let full = #"""
    server {
      admin_ids = ["spiffe://a/b"] agent_ttl = "1h" audit_log_enabled = true bind_address = "0.0.0.0" bind_port = 8081
      ca_key_type = "ec-p256" jwt_key_type = "ec-p256" ca_ttl = "24h" data_dir = "d"
      ca_subject { country = ["US"] organization = ["SPIFFE"] common_name = "c" }
      default_x509_svid_ttl = "1h" default_jwt_svid_ttl = "5m" disable_jwt_svids = false jwt_issuer = "i"
      log_file = "f" log_format = "text" log_level = "INFO" log_source_location = false
      max_attested_node_info_staleness = "1m" profiling_enabled = true profiling_port = 1 profiling_freq = 1
      profiling_names = ["heap"] proxy_protocol_trusted_cidrs = ["10.0.0.0/8"]
      prune_attested_nodes_expired_for = "1h" prune_attested_nodes_batch_size = 1 prune_tofu_nodes = true
      ratelimit { attestation = true signing = true }
      socket_path = "/s" trust_domain = "example.org"
      experimental {
        agent_spiffe_id_as_selector = true cache_reload_interval = "5s" full_cache_reload_interval = "24h"
        auth_opa_policy_engine { local { rego_path = "r" policy_data_path = "p" } }
        events_based_cache = true prune_events_older_than = "12h" event_timeout = "15m" sql_transaction_timeout = "1m"
        require_pq_kem = true wit_key_type = "ec-p256" wit_issuer = "w" feature_flags = ["wit-svid"]
        named_pipe_name = "n"
      }
      federation {
        bundle_endpoint {
          address = "0.0.0.0" port = 8443 refresh_hint = "5m"
          profile "https_web" { acme { directory_url = "d" domain_name = "n" email = "e" tos_accepted = true } }
          acme { directory_url = "d" domain_name = "n" email = "e" tos_accepted = true http_challenge_addr = "a:80" }
        }
        federates_with "other.org" {
          bundle_endpoint_url = "https://x" bundle_endpoint_profile "https_spiffe" { endpoint_spiffe_id = "spiffe://a/b" }
        }
      }
    }
    plugins {
      KeyManager "disk" { plugin_cmd = "c" plugin_args = ["a"] plugin_checksum = "00" enabled = true plugin_data { k = 1 } }
      NodeAttestor "x509pop" { plugin_data_file = "f" }
    }
    telemetry {
      Prometheus { host = "h" port = 1 tls { cert_file = "c" key_file = "k" client_ca_file = "a" use_spire_svid = true
        authorized_spiffe_ids = ["spiffe://a/b"] } }
      DogStatsd = [{ address = "a" }] Statsd = [{ address = "a" }] M3 = [{ address = "a" env = "e" }] InMem {}
      MetricPrefix = "p" EnableTrustDomainLabel = true EnableHostnameLabel = true AllowedPrefixes = ["a"]
      BlockedPrefixes = ["a"] AllowedLabels = ["a"] BlockedLabels = ["a"]
    }
    health_checks { listener_enabled = true bind_address = "a" bind_port = "80" live_path = "/l" ready_path = "/r" }
    """#

  /// The properties of `value` that were not read, by name.
  static func missing(_ value: Any) -> [String] {
    Mirror(reflecting: value).children.compactMap { child in
      let mirror = Mirror(reflecting: child.value)
      return mirror.displayStyle == .optional && mirror.children.isEmpty ? child.label : nil
    }
  }

  @Test func everyKeyIsRead() throws {
    let file = try ServerConfigFile(HCLDocument.parse(Self.full, file: "full.conf"))
    #expect(file.unknownKeys.isEmpty)
    #expect(Self.missing(file).isEmpty)
    #expect(Self.missing(file.server).isEmpty)
    #expect(Self.missing(try #require(file.server.caSubject)).isEmpty)
    #expect(Self.missing(try #require(file.server.rateLimit)).isEmpty)
    let experimental = try #require(file.server.experimental)
    #expect(Self.missing(experimental).isEmpty)
    #expect(experimental.hasAuthOPAPolicyEngine && experimental.isInUse)
    let endpoint = try #require(file.server.federation?.bundleEndpoint)
    #expect(Self.missing(endpoint).isEmpty)
    #expect(endpoint.profiles.map(\.name) == ["https_web"])
    #expect(Self.missing(try #require(endpoint.acme)).isEmpty)
    let peer = try #require(file.server.federation?.federatesWith.first)
    #expect(
      peer.trustDomain == "other.org" && peer.bundleEndpointURL == "https://x"
        && peer.profiles == [.init(name: "https_spiffe", endpointSPIFFEID: "spiffe://a/b")])
    let telemetry = try #require(file.telemetry)
    #expect(Self.missing(telemetry).isEmpty)
    #expect(Self.missing(try #require(telemetry.prometheus)).isEmpty)
    #expect(Self.missing(try #require(telemetry.prometheus?.tls)).isEmpty)
    #expect(telemetry.m3.first?.environment == "e")
    #expect(telemetry.statsd.count == 1 && telemetry.dogStatsd.count == 1 && telemetry.hasInMemory)
    #expect(Self.missing(try #require(file.healthChecks)).isEmpty)
    let plugin = try #require(file.plugins?.plugins.first)
    #expect(plugin.command == "c" && plugin.arguments == ["a"] && plugin.checksum == "00" && plugin.isEnabled)
    #expect(plugin.data == .text("k = 1\n"))
    #expect(file.plugins?.plugins.last?.data == .file(path: "f"))
  }

  @Test func anEmptyFileIsEmpty() throws {
    let file = try ServerConfigFile(HCLDocument.parse("", file: "empty.conf"))
    #expect(file.plugins == nil && file.telemetry == nil && file.server.trustDomain == nil)
  }
}
