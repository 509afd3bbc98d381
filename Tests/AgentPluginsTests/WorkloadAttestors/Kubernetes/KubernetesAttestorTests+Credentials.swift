import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import AgentPlugins

/// How the kubelet is recognised, and how the attestor shows who it is.
extension KubernetesAttestorTests {
  @Test func aNodeNameIsVerified() async throws {
    try await withKubelet { host, kubelet in
      let settings = host.settings(kubelet.port, "node_name = \"localhost\"\nmax_poll_attempts = 1")
      try await host.withAttestor(settings) { (attestor) async throws in
        let error = await failure(attestor)
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("failed to verify certificate") == true, "\(error?.message ?? "")")
        #expect(kubelet.requestCount == 0, "nothing was sent")
        kubelet.server.script.present(try host.cluster.authority.server(hosts: ["localhost"]))
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
    }
  }

  @Test func anotherAuthoritysCertificateIsRefused() async throws {
    let stranger = try TestPKI("stranger.test")
    try await withKubelet(certificate: try stranger.server(hosts: ["node-1"])) { host, kubelet in
      try await host.withAttestor(host.settings(kubelet.port, "max_poll_attempts = 1")) { (attestor) async throws in
        #expect(await failure(attestor)?.message.contains("failed to verify certificate") == true)
        #expect(kubelet.requestCount == 0)
        // The cluster got another authority: the file is read at once.
        try host.write(KubernetesHost.pem(stranger.der), to: "account/ca.crt")
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
      let careless = host.settings(kubelet.port, "skip_kubelet_verification = true")
      try host.write("", to: "account/ca.crt")
      try await host.withAttestor(careless) { (attestor) async throws in
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
    }
  }

  @Test func expiredCertificatesAreRefused() async throws {
    try await withKubelet { host, kubelet in
      kubelet.server.script.present(try host.cluster.authority.server(hosts: ["node-1"], from: -3600, to: -60))
      try await host.withAttestor(host.settings(kubelet.port, "max_poll_attempts = 1")) { (attestor) async throws in
        #expect(await failure(attestor)?.code == .unavailable)
      }
    }
  }

  @Test func anExpiredTokenIsReadAgain() async throws {
    try await withKubelet { host, kubelet in
      try await host.withAttestor(host.settings(kubelet.port, "max_poll_attempts = 1")) { (attestor) async throws in
        host.cluster.expire(KubernetesHost.token)
        let error = await failure(attestor)
        #expect(
          error?.message == "workloadattestor(k8s): unexpected status code on pods response: 401 Unauthorized")
        #expect(host.log.first("Unable to get pod list; giving up") != nil)
        // Kubernetes put a new token there.
        host.cluster.issue("second", to: .init("system:serviceaccount:spire:spire-agent"))
        try host.write("second", to: "account/token")
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
    }
  }

  @Test func filesAreReadAgainAfterTheirInterval() async throws {
    try await withKubelet { host, kubelet in
      let time = TestTime()
      try await host.withAttestor(host.settings(kubelet.port, "reload_interval = \"30s\""), time: time) {
        (attestor) async throws in
        func token() async throws -> String? {
          _ = try await attestor.attest(pid: Self.pid)
          await time.waitForSleepers()
          time.advance(by: .seconds(1))
          return kubelet.server.script.requests.last?.headers.first(name: "Authorization")
        }
        host.cluster.issue("second", to: .init("second"))
        #expect(try await token() == "Bearer token-of-the-agent")
        try host.write("second", to: "account/token")
        #expect(try await token() == "Bearer token-of-the-agent")
        time.advance(by: .seconds(30))
        #expect(try await token() == "Bearer second")
        // What cannot be read any more does not take away what works.
        try FileManager.default.removeItem(atPath: host.folder + "/account/token")
        time.advance(by: .seconds(30))
        #expect(try await token() == "Bearer second")
        #expect(host.log.first("Unable to load kubelet client") != nil)
      }
    }
  }

  @Test func clientCertificatesAndAnonymous() async throws {
    try await withKubelet(access: .init(allowsAnonymous: true, checksRights: false)) { host, kubelet in
      let identity = try host.cluster.authority.server(hosts: ["agent"])
      try host.write(KubernetesHost.pem(identity.certificate), to: "client.pem")
      let key = "-----BEGIN PRIVATE KEY-----\n\(Data(identity.key).base64EncodedString())\n-----END PRIVATE KEY-----\n"
      try host.write(key, to: "client.key")
      let settings = """
        kubelet_secure_port = \(kubelet.port)
        kubelet_ca_path = "\(host.folder)/account/ca.crt"
        """
      let withCertificate =
        settings
        + "\ncertificate_path = \"\(host.folder)/client.pem\"\nprivate_key_path = \"\(host.folder)/client.key\""
      try await host.withAttestor(withCertificate) { (attestor) async throws in
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
        #expect(kubelet.server.script.received.last?.clientCertificate == identity.certificate)
      }
      try await host.withAttestor(settings + "\nuse_anonymous_authentication = true") { (attestor) async throws in
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
        let request = kubelet.server.script.received.last
        #expect(request?.clientCertificate == nil && request?.head.headers["Authorization"] == [])
      }
    }
  }

  @Test func theReadOnlyPortIsAskedInTheClear() async throws {
    let host = try KubernetesHost()
    host.cluster.put(Self.pod())
    try host.run(Self.pid, pod: TestPod.uid(1), container: TestPod.id(1))
    try await TestKubelet.with(host.cluster, certificate: nil) { kubelet in
      try await host.withAttestor("kubelet_read_only_port = \(kubelet.port)") { (attestor) async throws in
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
        #expect(kubelet.server.script.requests[0].headers["Authorization"] == [])
      }
    }
  }

  @Test func filesThatCannotBeReadRefuseTheStart() async throws {
    let host = try KubernetesHost()
    func problem(_ settings: String) async -> String? {
      do {
        try await host.withAttestor(settings) { _ in }
        return nil
      } catch { return "\(error)" }
    }
    let folder = host.folder
    #expect(
      await problem("kubelet_ca_path = \"\(folder)/none\"")?.hasPrefix(
        "workloadattestor(k8s): unable to load kubelet CA: ") == true)
    #expect(
      await problem("kubelet_ca_path = \"\(folder)/account/ca.crt\"\ntoken_path = \"\(folder)/none\"")
        == "workloadattestor(k8s): unable to load token: open \(folder)/none: no such file or directory")
    #expect(
      await problem(
        "kubelet_ca_path = \"\(folder)/account/ca.crt\"\ncertificate_path = \"\(folder)/c\"\nprivate_key_path = \"\(folder)/k\""
      )?
      .hasPrefix("workloadattestor(k8s): unable to load certificate: ") == true)
  }
}
