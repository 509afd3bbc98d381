import Foundation
import SystemdTesting
import Testing

/// Workloads in real containers, and a bus on which units are known: the attestors docker and systemd in a real agent.
@Suite("containers", .serialized, .enabled(if: Containers.problem == nil, "\(Containers.problem ?? "")"))
struct ContainerTests {
  @Test("a workload in a container gets its identity, and what fails is named", .timeLimit(.minutes(3)))
  func workloadInAContainer() async throws {
    let deployment = try Deployment()
    let containers = try Containers(in: deployment.directory + "/c")
    let admin = deployment.directory + "/admin.sock"
    let bus = deployment.directory + "/bus"
    deployment.agentOptions = "admin_socket_path = \"\(admin)\""
    deployment.agentSections = """
      plugins {
        WorkloadAttestor "docker" { plugin_data { podman_socket_path = "unix://\(containers.socket)" } }
        WorkloadAttestor "systemd" { plugin_data {} }
      }
      """
    try await containers.startEngine()
    let pid = try await containers.run(
      "web", ["--label", "team=payments", "-e", "GREETING=hi", "-v", "\(deployment.directory)/a:/agent"])
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.createEntry("/workload", selector: "unix:uid:0")
    try await deployment.createEntry(
      "/web", selector: "docker:label:team:payments",
      more: ["-selector", "docker:env:GREETING=hi", "-selector", "docker:image_id:localhost/busybox:1"])
    try await deployment.startAgent(token: token, environment: ["DBUS_SYSTEM_BUS_ADDRESS": SystemdBus.address(in: bus)])
    func explain() async throws -> String {
      try await Shell.run(Programs.agent, ["explain", "-socketPath", admin, "-pid", "\(pid)"]).everything
    }

    // From within the container: its own identity beside that of its user.
    let fetch = ["/programs/spire-agent", "api", "fetch", "x509", "-socketPath", "/agent/api.sock"]
    let inside = try await containers.exec("web", fetch)
    #expect(inside.stdout.contains("spiffe://example.org/web"), "\(inside.everything)\n\(deployment.agent?.log ?? "")")
    #expect(inside.stdout.contains("spiffe://example.org/workload"), "\(inside.everything)")
    // The same user outside of it.
    let outside = try await deployment.agentCommand(["api", "fetch", "x509"])
    #expect(outside.stdout.contains("spiffe://example.org/workload"), "\(outside.everything)")
    #expect(!outside.stdout.contains("spiffe://example.org/web"), "\(outside.everything)")

    // There is no bus: that is said, and what the others found counts.
    let withoutBus = try await explain()
    for selector in [
      "docker:label:team:payments", "docker:env:GREETING=hi", "docker:env:ORIGIN=image",
      "docker:image_id:localhost/busybox:1", "docker:image_config_digest:sha256:", "unix:uid:0",
    ] { #expect(withoutBus.contains(selector), "\(withoutBus)") }
    #expect(withoutBus.contains("cannot connect to the system bus"), "\(withoutBus)")
    #expect(!withoutBus.contains("systemd:id:"), "\(withoutBus)")
    #expect(deployment.agent?.log.contains("workloadattestor(systemd): failed to get unit") == true)

    // There is one now.
    let units = try SystemdBus(
      in: bus, [.init("web.service", fragmentPath: "/etc/systemd/system/web.service", pid: pid)])
    defer { withExtendedLifetime(units) {} }
    let withBus = try await explain()
    #expect(withBus.contains("systemd:id:web.service"), "\(withBus)")
    #expect(withBus.contains("systemd:fragment_path:/etc/systemd/system/web.service"), "\(withBus)")

    // The engine is gone: the container has what its user has, and everybody is told why.
    await containers.stopEngine()
    let withoutEngine = try await explain()
    #expect(
      withoutEngine.contains("Cannot connect to the Docker daemon at unix://\(containers.socket)"), "\(withoutEngine)")
    #expect(
      withoutEngine.contains("unix:uid:0") && withoutEngine.contains("systemd:id:web.service"), "\(withoutEngine)")
    let unix = try await containers.exec("web", fetch)
    #expect(unix.stdout.contains("spiffe://example.org/workload"), "\(unix.everything)")
    #expect(!unix.stdout.contains("spiffe://example.org/web"), "\(unix.everything)")
    #expect(deployment.agent?.log.contains("workloadattestor(docker): Cannot connect to the Docker daemon") == true)
  }
}
