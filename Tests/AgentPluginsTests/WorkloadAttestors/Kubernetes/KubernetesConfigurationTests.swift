import Foundation
import Plugins
import SPIFFE
import Testing

@testable import AgentPlugins

/// Every key of the attestor's configuration, with its defaults, conflicts and texts.
@Suite struct KubernetesConfigurationTests {
  private func read(_ text: String, _ environment: [String: String] = [:]) throws -> KubernetesConfiguration {
    try KubernetesConfiguration(PluginData(text: text), environment: environment)
  }

  private func problem(_ text: String) -> String? {
    do {
      _ = try read(text)
      return nil
    } catch let error as AgentPluginError {
      #expect(error.code == .invalidArgument)
      return error.message
    } catch {
      return "\(error)"
    }
  }

  @Test func defaultsAreUpstreams() throws {
    let configuration = try read("")
    let kubelet = try #require(configuration.kubelet)
    #expect(kubelet.isSecure && kubelet.port == 10250 && kubelet.nodeName.isEmpty && !kubelet.skipsVerification)
    #expect(kubelet.authorityPath == "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    #expect(kubelet.credential == .token(path: "/var/run/secrets/kubernetes.io/serviceaccount/token"))
    #expect(kubelet.reloadInterval == .seconds(60))
    #expect(configuration.maximumAttempts == 60 && configuration.retryInterval == .milliseconds(500))
    #expect(configuration.hasContainerSelectors && configuration.usesNewLocator && !configuration.hasNamespaceLabels)
    #expect(!configuration.cachesMetadata && configuration.brokers == nil && !configuration.logsLocator)
    #expect("\(try kubelet.url())" == "https://127.0.0.1:10250/pods")
  }

  @Test func everyKeyIsRead() throws {
    let configuration = try read(
      """
      kubelet_secure_port = "10251"
      max_poll_attempts = 7
      poll_retry_interval = "1s"
      kubelet_ca_path = "/ca"
      skip_kubelet_verification = true
      certificate_path = "/c"
      private_key_path = "/k"
      node_name_env = "NODE"
      reload_interval = "5m"
      disable_container_selectors = true
      use_new_container_locator = false
      verbose_container_locator_logs = true
      enable_namespace_labels = true
      experimental {
        api_server { cache { enabled = true } }
        broker {
          access_policy = "permissive"
          brokers = [{ id = "spiffe://example.org/a" }, { id = "spiffe://example.org/b", pod_reference_scope = "cluster" }]
        }
      }
      """, ["NODE": "worker", "MY_NODE_NAME": "no"])
    let kubelet = try #require(configuration.kubelet)
    #expect(kubelet.port == 10251 && kubelet.authorityPath == "/ca" && kubelet.skipsVerification)
    #expect(kubelet.credential == .certificate(path: "/c", keyPath: "/k"))
    #expect(kubelet.nodeName == "worker" && kubelet.reloadInterval == .seconds(300))
    #expect("\(try kubelet.url())" == "https://worker:10251/pods")
    #expect(configuration.maximumAttempts == 7 && configuration.retryInterval == .seconds(1))
    #expect(!configuration.hasContainerSelectors && !configuration.usesNewLocator && configuration.logsLocator)
    #expect(configuration.hasNamespaceLabels && configuration.cachesMetadata)
    #expect(
      configuration.brokers
        == .init(
          isEnforced: false,
          scopes: [try SPIFFEID("spiffe://example.org/a"): .node, try SPIFFEID("spiffe://example.org/b"): .cluster]))
  }

  @Test func readOnlyPortIsInTheClearOnThisHost() throws {
    let kubelet = try #require(try read("kubelet_read_only_port = 10255", ["MY_NODE_NAME": "worker"]).kubelet)
    #expect(!kubelet.isSecure)
    #expect("\(try kubelet.url())" == "http://127.0.0.1:10255/pods")
  }

  @Test func nodeNames() throws {
    func name(_ text: String, _ environment: [String: String] = [:]) throws -> String? {
      try read(text, environment).kubelet?.nodeName
    }
    #expect(try name("", ["MY_NODE_NAME": "worker"]) == "worker")
    #expect(try name("node_name = \"mine\"", ["MY_NODE_NAME": "worker"]) == "mine")
    #expect(try name("node_name = \"mine\"\nnode_name_env = \"X\"", ["X": "x"]) == "mine")
    let six = try #require(try read("node_name = \"fd00::1\"").kubelet)
    #expect("\(try six.url())" == "https://[fd00::1]:10250/pods")
  }

  @Test func credentials() throws {
    #expect(try read("use_anonymous_authentication = true").kubelet?.credential == .anonymous)
    #expect(try read("token_path = \"/t\"").kubelet?.credential == .token(path: "/t"))
    #expect(
      problem("certificate_path = \"/c\"")
        == "workloadattestor(k8s): the private key path is required with the certificate path")
    #expect(
      problem("private_key_path = \"/k\"")
        == "workloadattestor(k8s): the certificate path is required with the private key path")
  }

  @Test(arguments: [
    (
      "kubelet_read_only_port = 1\nkubelet_secure_port = 2",
      "workloadattestor(k8s): cannot use both the read-only and secure port"
    ),
    (
      "poll_retry_interval = \"x\"",
      "workloadattestor(k8s): unable to parse poll retry interval: time: invalid duration \"x\""
    ),
    (
      "reload_interval = \"1\"",
      "workloadattestor(k8s): unable to parse reload interval: time: missing unit in duration \"1\""
    ),
    ("token = \"t\"\na = 1", "workloadattestor(k8s): unknown configurations detected: a,token"),
    ("experimental { x = 1 }", "workloadattestor(k8s): unknown configurations detected: x"),
    ("experimental { api_server { cache { y = 1 } } }", "workloadattestor(k8s): unknown configurations detected: y"),
    (
      "disable_kubelet_client = true\nnode_name = \"n\"\nreload_interval = \"1m\"",
      "workloadattestor(k8s): disable_kubelet_client cannot be used with node_name; "
        + "disable_kubelet_client cannot be used with reload_interval"
    ),
    (
      "disable_kubelet_client = true\nexperimental { broker { access_policy = \"enforced\" brokers = [{ id = \"spiffe://a/b\" }] } }",
      "workloadattestor(k8s): experimental.broker.brokers[spiffe://a/b].pod_reference_scope must be \"cluster\" when "
        + "disable_kubelet_client is true"
    ),
    (
      "experimental { broker { brokers = [{ id = \"spiffe://a/b\" }] } }",
      "workloadattestor(k8s): experimental.broker.access_policy: must be specified as one of [permissive, enforced]"
    ),
    (
      "experimental { broker { access_policy = \"lax\" brokers = [{ id = \"spiffe://a/b\" }] } }",
      "workloadattestor(k8s): experimental.broker.access_policy: unsupported value \"lax\"; must be one of [permissive, "
        + "enforced]"
    ),
    (
      "experimental { broker { access_policy = \"enforced\" } }",
      "workloadattestor(k8s): experimental.broker.brokers: at least one broker is required"
    ),
    (
      "experimental { broker { access_policy = \"enforced\" brokers = [{}, { id = \"spiffe://a/b\" }, { id = \"spiffe://a/b\" }] } }",
      "workloadattestor(k8s): experimental.broker.brokers[0].id: must be specified; "
        + "experimental.broker.brokers[spiffe://a/b].id: duplicate broker id"
    ),
    (
      "experimental { broker { access_policy = \"enforced\" brokers = [{ id = \"spiffe://a/b\" pod_reference_scope = \"all\" }] } }",
      "workloadattestor(k8s): experimental.broker.brokers[spiffe://a/b].pod_reference_scope: unsupported value \"all\"; "
        + "must be one of [agent_node, cluster]"
    ),
  ])
  func problemsHaveUpstreamsTexts(_ text: String, _ expected: String) { #expect(problem(text) == expected) }

  @Test func sigstoreIsRefusedByName() {
    #expect(problem("sigstore { ignore_tlog = true }")?.contains("sigstore") == true)
    #expect(problem("sigstore {}") != nil)
  }

  @Test func malformedTextAndWrongIDsAreRefused() {
    #expect(
      problem("max_poll_attempts = ")?.hasPrefix("workloadattestor(k8s): unable to decode configuration: ") == true)
    #expect(
      problem("experimental { broker { access_policy = \"enforced\" brokers = [{ id = \"http://x\" }] } }")?
        .hasPrefix("workloadattestor(k8s): experimental.broker.brokers[http://x].id: ") == true)
  }

  /// The text of each block `plugin_data` of the attestor in its page.
  private static func examples() throws -> [String] {
    let page = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../../../../docs/plugins/workloadattestor-k8s.md").standardized
    return try String(contentsOf: page, encoding: .utf8).components(separatedBy: "WorkloadAttestor \"k8s\" {")
      .dropFirst().map { text in
        var depth = 0
        return String(
          text.components(separatedBy: "plugin_data {")[1].prefix { character in
            depth += character == "{" ? 1 : character == "}" ? -1 : 0
            return depth >= 0
          })
      }
  }

  @Test func theExamplesOfThePageAreRead() throws {
    let examples = try Self.examples().map { try read($0, ["MY_NODE_NAME": "worker"]) }
    #expect(examples.count == 2)
    #expect(examples.first?.kubelet?.authorityPath == "/etc/kubernetes/pki/kubelet-ca.crt")
    #expect(examples.first?.kubelet?.nodeName == "worker")
    #expect(examples.last?.brokers?.isEnforced == true && examples.last?.brokers?.scopes.values.first == .cluster)
  }

  @Test func brokersOfHelmsJSON() throws {
    let configuration = try read(
      """
      {"experimental":{"broker":[{"access_policy":"enforced","brokers":[{"a":[{"id":"spiffe://a/b"}]}]}]}}
      """)
    #expect(configuration.brokers?.scopes.count == 1)
  }
}
