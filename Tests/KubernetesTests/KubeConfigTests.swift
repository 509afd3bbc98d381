import Foundation
import HTTP
import HTTPTesting
import KubernetesTesting
import Mutations
import SPIFFE
import Synchronization
import Testing

@testable import Kubernetes

/// What a kubeconfig says, and that the API server is asked so.
@Suite struct KubeConfigTests {
  private static let users = """
    clusters:
    - name: c
      cluster: {server: "https://c.test:6443/k8s/clusters/c-1/"}
    contexts:
    - name: x
      context: {cluster: c, user: u, namespace: spire}
    current-context: x
    users:
    - name: u
      user:

    """

  private func read(_ text: String) throws -> KubeConfig { try KubeConfig(Array(text.utf8), folder: "/etc/spire/") }

  private func said(_ text: String) -> String {
    do {
      let config = try read(text)
      return "server \(config.cluster.server)"
    } catch {
      return "\(error)"
    }
  }

  private func headers(_ user: String) throws -> [String] {
    try read(Self.users + "    " + user).endpoint().headers.map { "\($0.name): \($0.value)" }
  }

  @Test func whoAsks() throws {
    #expect(try headers("token: abc") == ["Authorization: Bearer abc"])
    #expect(try headers("{username: me, password: secret}") == ["Authorization: Basic bWU6c2VjcmV0"])
    #expect(
      try headers(#"{token: t, as: a, as-uid: "1", as-groups: [g, h], as-user-extra: {"x/y": [v, w]}}"#) == [
        "Impersonate-User: a", "Impersonate-Uid: 1", "Impersonate-Group: g", "Impersonate-Group: h",
        "Impersonate-Extra-x%2Fy: v", "Impersonate-Extra-x%2Fy: w", "Authorization: Bearer t",
      ])
    #expect(try headers("{}") == [])
    // What the file says itself comes first, and the plugin is not asked.
    let exec = "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1}"
    #expect(try headers("{token: t, \(exec)}") == ["Authorization: Bearer t"])
    // Nobody is asked as nobody because nobody ran the plugin.
    #expect(throws: KubeConfig.Unusable.self) { try headers("{\(exec)}") }
    // While the file is not there, the token stands in.
    #expect(try headers("{token: t, tokenFile: nowhere}") == ["Authorization: Bearer t"])
    let error = #expect(throws: (any Error).self) { try headers("{tokenFile: nowhere}") }
    #expect("\(try #require(error))".contains("/etc/spire/nowhere"))
  }

  @Test func paths() throws {
    let endpoint = try read(Self.users + "    token: t").endpoint()
    #expect("\(endpoint.url("/api/v1/nodes/n", []))" == "https://c.test:6443/k8s/clusters/c-1/api/v1/nodes/n")
  }

  @Test(arguments: [
    ("", "it is nothing, not a map"), ("- a", "it is a list, not a map"), ("a: [", "line 2: a bracket is not closed"),
    ("clusters: []", "invalid configuration: no configuration has been provided, as current-context is not set"),
    ("current-context: x", #"context "x" does not exist"#),
    ("current-context: x\ncontexts: [{name: x}]", #"cluster "" does not exist"#),
    (
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c}]",
      #"no server found for cluster "c""#
    ), ("current-context: x\ncontexts: [{name: x}, {name: x}]", #"contexts: duplicate name "x""#),
    ("current-context: x\ncontexts: {name: x}", "contexts is a map, not a list"),
    ("current-context: x\ncontexts: [{name: x, context: y}]", "contexts[0]: context is a text, not a map"),
  ]) func filesThatAreNoUse(_ text: String, _ expected: String) {
    #expect(said(text) == expected)
  }

  @Test(arguments: [
    ("server: c.test:6443", #"cluster "c": server "c.test:6443" must use the https or the http scheme"#),
    ("server: http://c.test", #"cluster "c": server "http://c.test" must be https, or on this host"#),
    ("server: http://127.0.0.1:8001", "server http://127.0.0.1:8001"),
    ("{server: https://c, proxy-url: http://p:3128}", "server https://c"),
    (
      "{server: http://127.0.0.1:8001, proxy-url: http://p:3128}",
      #"cluster "c": server "http://127.0.0.1:8001" must be https where there is a proxy-url"#
    ),
    (
      "{server: https://c, proxy-url: 'https://me:secret@p'}",
      #"cluster "c": invalid 'proxy-url': the proxy must use the http scheme"#
    ),
    (
      "{server: https://c, proxy-url: socks5://p}",
      #"cluster "c": invalid 'proxy-url': the proxy must use the http scheme"#
    ),
    ("{server: https://c, certificate-authority-data: '!'}", #"cluster "c": certificate-authority-data is not base64"#),
    (
      "{server: https://c, insecure-skip-tls-verify: 'true'}",
      #"cluster "c": insecure-skip-tls-verify must be true or false"#
    ),
    (
      "{server: https://c, insecure-skip-tls-verify: yes, certificate-authority: ca}",
      #"cluster "c": specifying a root certificates file with the insecure flag is not allowed"#
    ), ("{server: [a]}", #"cluster "c": server is a list, not a text"#),
  ]) func clusters(_ cluster: String, _ expected: String) {
    let text =
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters:\n- name: c\n  cluster:\n    "
    #expect(said(text + cluster).hasPrefix(expected), "\(said(text + cluster))")
  }

  @Test(arguments: [
    ("exec: aws", #"user "u": exec is a text, not a map"#),
    ("exec: {}", "command must be specified for u to use exec authentication plugin"),
    ("exec: {command: aws}", "apiVersion must be specified for u to use exec authentication plugin"),
    (
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}",
      #"exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1""#
    ),
    (
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}",
      "interactiveMode must be specified for u to use exec authentication plugin"
    ), ("exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1}", "server https://c.test"),
    (
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
      "exec plugin cannot support interactive mode: standard input is unavailable"
    ),
    (
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Sometimes}",
      #"invalid interactiveMode for u: "Sometimes""#
    ),
    (
      "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1, env: [{value: a}]}",
      "env variable name must be specified for u to use exec authentication plugin"
    ), ("auth-provider: {name: oidc}", #"user "u" uses auth-provider"#),
    ("{client-certificate: a}", "client-key-data or client-key must be specified for u"),
    ("{token: t, username: a}", "more than one authentication method found for u"),
    ("{token: t, as-groups: [a]}", "requesting uid, groups or user-extra for u without impersonating a user"),
  ]) func users(_ user: String, _ expected: String) {
    #expect(said(Self.users + "    " + user).hasPrefix(expected), "\(said(Self.users + "    " + user))")
  }

  @Test func nearlyRightFilesNeverCrash() throws {
    let text = Self.users + "    {token: t, as: a, as-user-extra: {k: [v]}}"
    for bytes in Mutations(of: text, count: 4000) { _ = try? KubeConfig(bytes, folder: "").endpoint() }
  }

  // MARK: With an API server

  private func folder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kube-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  private func access(_ path: String, environment: [String: String] = [:]) -> KubeConfigAccess {
    KubeConfigAccess(path: path, plugins: ExecPlugins(environment: environment) { _, _ in })
  }

  @Test func theFileIsReadForEachRequest() async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("first", to: .init("one"))
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/config"
    try await TestAPIServer.with(cluster) { server in
      let client = APIServerClient(access(file))
      let said1 = await client.node()
      #expect(said1 == "open \(file): no such file or directory")
      try cluster.kubeConfig(port: server.port, token: "first").write(toFile: file, atomically: true, encoding: .utf8)
      let said2 = await client.node()
      #expect(said2 == "u")
      cluster.expire("first")
      cluster.issue("second", to: .init("one"))
      let said3 = await client.node()
      #expect(said3 == "Unauthorized")
      try cluster.kubeConfig(port: server.port, token: "second").write(toFile: file, atomically: true, encoding: .utf8)
      let said4 = await client.node()
      #expect(said4 == "u")
    }
  }

  /// A certificate for another name: nothing is sent, unless the file says which name counts.
  @Test func theServersNameIsChecked() async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("token", to: .init("one"))
    let certificate = try cluster.authority.server(hosts: ["kubernetes.default.svc"])
    try await TestAPIServer.with(cluster, certificate: certificate) { server in
      let text = cluster.kubeConfig(port: server.port, token: "token", server: "localhost")
      let endpoint = try KubeConfig(Array(text.utf8), folder: "").endpoint()
      let said1 = await APIServerClient(FixedAccess(held: endpoint)).node()
      #expect(said1.contains("tls: failed to verify certificate"), "\(said1)")
      #expect(server.requests.isEmpty)
      let named = text.replacingOccurrences(
        of: "    server:", with: "    tls-server-name: kubernetes.default.svc\n    server:")
      let good = try KubeConfig(Array(named.utf8), folder: "").endpoint()
      let said2 = await APIServerClient(FixedAccess(held: good)).node()
      #expect(said2 == "u")
    }
  }

  /// The cluster's own proxy, whose exceptions nobody asks; else those of the environment, by Go's rules.
  @Test(arguments: ["proxy-url", "environment", "exception", "https"])
  func proxies(_ way: String) async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("token", to: .init("one"))
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await TestAPIServer.with(cluster) { server in
      try await TestProxy.with(to: server.port) { proxy, port in
        var environment = ["HTTPS_PROXY": way == "https" ? "https://p.test" : "http://127.0.0.1:\(port)"]
        if way == "exception" { environment["NO_PROXY"] = ".test" }
        var key = "    tls-server-name: kubernetes.default.svc\n"
        if way == "proxy-url" {
          key += "    proxy-url: http://127.0.0.1:\(port)\n"
          environment = ["NO_PROXY": "*"]
        }
        try cluster.kubeConfig(port: 6443, token: "token", server: "api.invalid.test").replacingOccurrences(
          of: "    server:", with: key + "    server:"
        ).write(toFile: folder + "/config", atomically: true, encoding: .utf8)
        let said = await APIServerClient(access(folder + "/config", environment: environment)).node()
        switch way {
        case "exception": #expect(said.contains("api.invalid.test") && proxy.requests.isEmpty, "\(said)")
        case "https": #expect(said.contains("the proxy of HTTPS_PROXY must use the http scheme"), "\(said)")
        default:
          #expect(said == "u")
          #expect(proxy.requests.allSatisfy { $0.hasPrefix("CONNECT api.invalid.test:6443 ") })
          #expect(proxy.requests.count == 1)
        }
      }
    }
  }

  @Test func theServerOfTheOwnClusterIsAskedThroughProxiesWhereThatIsWanted() async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("token", to: .init("one"))
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try PEM.encode(cluster.authority.der, type: "CERTIFICATE")
      .write(toFile: folder + "/ca.crt", atomically: true, encoding: .utf8)
    try "token".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
    try await TestAPIServer.with(cluster) { server in
      try await TestProxy.with(to: server.port) { proxy, port in
        let environment = [
          "KUBERNETES_SERVICE_HOST": "kubernetes.default.svc", "KUBERNETES_SERVICE_PORT": "443",
          "HTTPS_PROXY": "127.0.0.1:\(port)",
        ]
        let direct = try InClusterAccess(environment: environment, folder: folder)
        let said1 = await APIServerClient(direct).node()
        #expect(said1.contains("kubernetes.default.svc") && proxy.requests.isEmpty, "\(said1)")
        let through = try InClusterAccess(environment: environment, usesProxies: true, folder: folder)
        let said2 = await APIServerClient(through).node()
        #expect(said2 == "u")
        #expect(proxy.requests.count == 1)
      }
    }
  }

  @Test func aTokenFileIsReadForEachRequest() async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("second", to: .init("one"))
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "first\n".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
    try await TestAPIServer.with(cluster) { server in
      try cluster.kubeConfig(port: server.port, token: "-").replacingOccurrences(
        of: "token: -", with: "tokenFile: token"
      )
      .write(toFile: folder + "/config", atomically: true, encoding: .utf8)
      let client = APIServerClient(access(folder + "/config"))
      let said1 = await client.node()
      #expect(said1 == "Unauthorized")
      try "second\n".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
      let said2 = await client.node()
      #expect(said2 == "u")
    }
  }

  @Test func aClientCertificateIsShown() async throws {
    let cluster = try TestCluster()
    let shown = try cluster.authority.server(hosts: ["spire-server"])
    @Sendable func data(_ der: [UInt8], _ type: String) -> String {
      Base64.encode(Array(PEM.encode(der, type: type).utf8))
    }
    let certificate = try cluster.authority.server(addresses: [[127, 0, 0, 1]])
    try await TestWebServer.with(
      certificate, clientAuthority: cluster.authority.der,
      reply: {
        .page($0.clientCertificate == shown.certificate ? 200 : 401, [], Array(#"{"metadata":{"uid":"u"}}"#.utf8))
      }
    ) { server in
      let text = cluster.kubeConfig(port: server.port, token: "-").replacingOccurrences(
        of: "    token: -",
        with: "    client-certificate-data: \(data(shown.certificate, "CERTIFICATE"))\n"
          + "    client-key-data: \(data(shown.key, "PRIVATE KEY"))")
      let endpoint = try KubeConfig(Array(text.utf8), folder: "").endpoint()
      let uid = await APIServerClient(FixedAccess(held: endpoint)).node()
      #expect(uid == "u")
    }
  }

  private struct FixedAccess: ClusterAccess {
    let held: ClusterEndpoint
    func endpoint() async throws(APIServerFailure) -> ClusterEndpoint { held }
  }
}
