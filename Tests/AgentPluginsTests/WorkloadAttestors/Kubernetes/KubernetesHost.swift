import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import Plugins
import SPIFFE

@testable import AgentPlugins

/// A node of a cluster as the attestor meets it: a process table of the test's own, a service account's files, a log.
final class KubernetesHost: Sendable {
  static let token = "token-of-the-agent"

  let cluster: TestCluster
  let log = LogCapture()
  let folder: String

  init() throws {
    cluster = try TestCluster()
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("k8s-\(UUID().uuidString)").path
    for name in ["proc", "account"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    cluster.issue(Self.token, to: .init("system:serviceaccount:spire:spire-agent"))
    try write(Self.token + "\n", to: "account/token")
    try write(Self.pem(cluster.authority.der), to: "account/ca.crt")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static func pem(_ der: [UInt8]) -> String {
    "-----BEGIN CERTIFICATE-----\n\(Data(der).base64EncodedString())\n-----END CERTIFICATE-----\n"
  }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  /// Puts a process into a container of a pod, as systemd and containerd name its cgroup.
  func run(_ pid: Int32, pod uid: String?, container id: String, startedAt: Int = 1000) throws {
    let slice = uid.map { "kubepods-pod\($0.replacingOccurrences(of: "-", with: "_")).slice/" } ?? ""
    try FileManager.default.createDirectory(atPath: "\(folder)/proc/\(pid)", withIntermediateDirectories: true)
    try write("0::/kubepods.slice/\(slice)cri-containerd-\(id).scope\n", to: "proc/\(pid)/cgroup")
    try write(
      "\(pid) (web) S " + (0..<18).map { _ in "0" }.joined(separator: " ") + " \(startedAt) 0\n", to: "proc/\(pid)/stat"
    )
  }

  /// The process is gone.
  func end(_ pid: Int32) throws { try FileManager.default.removeItem(atPath: "\(folder)/proc/\(pid)") }

  /// The settings of a kubelet on this port, with this host's files.
  func settings(_ port: Int, _ more: String = "") -> String {
    """
    kubelet_secure_port = \(port)
    kubelet_ca_path = "\(folder)/account/ca.crt"
    token_path = "\(folder)/account/token"
    \(more)
    """
  }

  func surroundings(
    time: any TimeSource = SystemTime(), environment: [String: String] = [:]
  ) -> KubernetesSurroundings {
    KubernetesSurroundings(
      logger: log.logger, environment: environment.merging(["HOST_PROC": "\(folder)/proc"]) { $1 }, time: time,
      serviceAccount: "\(folder)/account")
  }

  /// Runs `body` beside an attestor that works.
  func withAttestor<T: Sendable>(
    _ settings: String, time: any TimeSource = SystemTime(), environment: [String: String] = [:],
    _ body: @Sendable (KubernetesAttestor) async throws -> T
  ) async throws -> T {
    let attestor = KubernetesAttestor(surroundings(time: time, environment: environment))
    try attestor.configure(try KubernetesConfiguration(PluginData(text: settings), environment: environment))
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await attestor.run() }
      let result = try await body(attestor)
      group.cancelAll()
      return result
    }
  }
}
