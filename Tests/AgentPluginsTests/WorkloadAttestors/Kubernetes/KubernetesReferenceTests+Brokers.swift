import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import SPIFFE
import Testing

@testable import AgentPlugins

/// Which broker may ask for what.
extension KubernetesReferenceTests {
  @Test func brokersMustBeListed() async throws {
    try await with(Self.settings()) { (setting) async throws in
      guard
        case .failure(let error) = try await setting.find(
          Self.object("pods", "core", "default", "web-1"), broker: "spiffe://example.org/other")
      else { return }
      #expect(error.code == .permissionDenied)
      #expect(error.message == "workloadattestor(k8s): broker \"spiffe://example.org/other\" is not configured")
    }
    try await with(("", "")) { (setting) async throws in
      guard case .failure(let error) = try await setting.find(Self.object("pods", "core", "default", "web-1")) else {
        return
      }
      #expect(error.code == .internalError)
      #expect(error.message == "workloadattestor(k8s): broker configuration missing")
    }
  }

  @Test func theClusterDecidesWhereItIsEnforced() async throws {
    try await with(Self.settings(policy: "enforced")) { (setting) async throws in
      let denied =
        "Kubernetes authorizer does not allow the broker to use impersonate-via-spire for the referenced object"
      let pod = Self.object("pods", "core", "default", "web-1")
      let flux = Self.object("kustomizations", Self.flux.group, "default", "apps")
      try await setting.expect(pod, .permissionDenied, denied)
      try await setting.expect(flux, .permissionDenied, denied)
      let id = try SPIFFEID(Self.broker)
      let refused = await #expect(throws: AgentPluginError.self) {
        try await setting.attestor.attest(.pid(Self.pid), for: id)
      }
      #expect(refused?.code == .permissionDenied)
      // The process's own attestation asks nobody.
      #expect(try await setting.attestor.attest(pid: Self.pid).contains("pod-name:web-1"))

      setting.host.cluster.allow(
        .init(Self.broker, "impersonate-via-spire", "pods", namespace: "default", name: "web-1"))
      #expect(try await setting.find(pod).get().contains("pod-name:web-1"))
      #expect(try await setting.attestor.attest(.pid(Self.pid), for: id).contains("container-name:web"))
      try await setting.expect(flux, .permissionDenied, denied)
      setting.host.cluster.allow(
        .init(Self.broker, "impersonate-via-spire", "kustomizations.kustomize.toolkit.fluxcd.io", namespace: "default"))
      #expect(try await setting.find(flux).get().contains("name:apps"))
    }
  }

  @Test func anOutageDeniesAndSaysSo() async throws {
    try await with(Self.settings(policy: "enforced")) { (setting) async throws in
      setting.server.script.fail { request in
        request.head.method == .POST ? TestStatus.answer(503, "ServiceUnavailable", "etcd is away") : nil
      }
      try await setting.expect(
        Self.object("pods", "core", "default", "web-1"), .internalError,
        "unable to check Kubernetes authorization for broker: etcd is away")
      setting.server.script.fail { _ in .page(200, [], Array("{\"status\":{\"allowed\":\"true\"}}".utf8)) }
      guard case .failure(let error) = try await setting.find(Self.object("pods", "core", "default", "web-1")) else {
        Issue.record("what cannot be read allows nothing")
        return
      }
      #expect(error.code == .internalError)
    }
  }

  @Test(arguments: ["endless", "hang up", "malformed", "array", "deep"])
  func nonsenseOfTheAPIServerIsAnError(_ kind: String) async throws {
    try await with(Self.settings()) { (setting) async throws in
      setting.server.script.fail { _ in
        switch kind {
        case "endless": .endless
        case "hang up": .hangUp
        case "malformed": .page(200, [], Array("{\"metadata\":".utf8))
        case "array": .page(200, [], Array("[]".utf8))
        default: .page(200, [], Array(repeating: UInt8(ascii: "["), count: 100_000))
        }
      }
      guard case .failure(let error) = try await setting.find(Self.object("deployments", "apps", "default", "web"))
      else {
        Issue.record("found something")
        return
      }
      #expect([.unavailable, .internalError, .invalidArgument].contains(error.code), "\(error.message)")
      #expect(error.message.utf8.count < 2000)
    }
  }
}
