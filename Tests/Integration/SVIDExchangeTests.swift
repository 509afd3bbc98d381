import Foundation
import Testing

/// x509pop in mode `spiffe` with the agent's `spiffe_endpoint_socket`: an agent that attests with the X509-SVID that another
/// agent's Workload API gives it.
@Suite("Exchange of SVIDs", .serialized)
struct SVIDExchangeTests {
  private static let path = "/spire/agent/x509pop/edge1"

  /// The number of the certificate with which the second agent attested last.
  private func serialNumber(_ deployment: Deployment) async throws -> String {
    let shown = try await deployment.show(Self.path)
    let selector = "x509pop:serialnumber:"
    let place = try #require(shown.range(of: selector), "\(shown)")
    return String(shown[place.upperBound...].prefix { $0.isHexDigit })
  }

  private func startSecondAgent(
    _ deployment: Deployment, socket: String, _ clock: ShiftedClock
  ) throws -> DaemonProcess {
    let folder = deployment.directory + "/b"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try """
    agent {
      trust_domain = "example.org"
      server_address = "127.0.0.1"
      server_port = \(deployment.port)
      data_dir = "\(folder)"
      socket_path = "\(folder)/api.sock"
      trust_bundle_path = "\(deployment.bundlePath)"
      log_level = "DEBUG"
    }
    plugins {
      NodeAttestor "x509pop" { plugin_data { spiffe_endpoint_socket = "unix://\(socket)" } }
      KeyManager "disk" { plugin_data { directory = "\(folder)" } }
      WorkloadAttestor "unix" { plugin_data {} }
    }
    """.write(toFile: folder + "/agent.conf", atomically: true, encoding: .utf8)
    return try DaemonProcess(
      name: "spire-agent", executable: Programs.agent, arguments: ["run", "-config", folder + "/agent.conf"],
      logPath: folder + "/agent.log", environment: clock.environment)
  }

  @Test(
    "an SVID of a Workload API, its successor, and an outage of its socket",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(3)))
  func exchange() async throws {
    let deployment = try Deployment()
    let clock = try ShiftedClock(directory: deployment.directory)
    deployment.serverNodeAttestor = """
      NodeAttestor "join_token" { plugin_data {} }
        NodeAttestor "x509pop" { plugin_data { mode = "spiffe" } }
      """
    try await deployment.startServer(environment: clock.environment)
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.startAgent(token: token, environment: clock.environment)
    // The first agent's socket, which can be taken away.
    let socket = deployment.directory + "/other.sock"
    try FileManager.default.createSymbolicLink(atPath: socket, withDestinationPath: deployment.agentSocket)

    let agent = try startSecondAgent(deployment, socket: socket, clock)
    defer { agent.signal(SIGKILL) }
    // Nothing is there for it yet: it tries again.
    try await eventually("a word about the SVID that is missing", log: { agent.log }) {
      agent.log.contains("unable to fetch SVID from workload API")
    }
    try await deployment.createEntry("/spire-exchange/edge1", selector: "unix:uid:\(getuid())")
    func attestations() -> Int { agent.log.count(of: "uccessfully reattested node") }
    try await eventually("the second agent attests", log: { agent.log }) {
      guard agent.isRunning else { throw TestStopped() }
      return agent.log.contains("Node attestation was successful")
    }
    #expect(try await deployment.agents().contains(Self.path))

    // Each SVID is past its half: the second agent attests again, sooner or later with a new one of the first agent's.
    // The first agent has renewed its own by then: another step later it would have ended.
    let host = try #require(deployment.agent)
    var shift: Int64 = 0
    func pass(_ minutes: Int64) async throws {
      let before = host.log.count(of: "Successfully rotated agent SVID")
      shift += minutes * 60
      try clock.set(shift)
      try await eventually("the first agent's renewal", log: { host.log }) {
        host.log.count(of: "Successfully rotated agent SVID") > before
      }
    }
    let first = try await serialNumber(deployment)
    var rounds = 0
    while try await serialNumber(deployment) == first {
      rounds += 1
      try #require(rounds < 4, "\(agent.log)")
      let before = attestations()
      try await pass(35)
      try await eventually("another attestation", log: { agent.log }) { attestations() > before }
    }

    // The socket leads nowhere: the agent says so and lives on with what it has.
    try FileManager.default.removeItem(atPath: socket)
    let (failures, before) = (agent.log.count(of: "unable to fetch SVID"), attestations())
    try await pass(35)
    try await eventually("a word about the outage", log: { agent.log }) {
      agent.log.count(of: "unable to fetch SVID") > failures
    }
    #expect(agent.isRunning && attestations() == before)
    try FileManager.default.createSymbolicLink(atPath: socket, withDestinationPath: deployment.agentSocket)
    try await eventually("it attests again", log: { agent.log }) {
      guard agent.isRunning else { throw TestStopped() }
      return attestations() > before
    }
    await agent.stop()
  }
}
