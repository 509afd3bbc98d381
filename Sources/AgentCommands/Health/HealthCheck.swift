import Console
import Flags
import SPIREProtos

/// `healthcheck`: asks the agent's health service; exit code 0 when it serves.
struct HealthCheck: WorkloadCommand {
  struct Options: WorkloadOptions {
    var socket = WorkloadSocket()
    var shallow = false
    var verbose = false
  }

  let name = "healthcheck"
  let synopsis = "Asks whether the agent is healthy"
  let details = """
    Exit code 0 when the agent serves, 1 otherwise: for probes and scripts.
    """
  let examples = [
    CommandExample("In a script that waits", "healthcheck -verbose")
  ]
  let ownFlags: [Flag<Options>] = [
    .bool("shallow", \.shallow, "Accepted for compatibility; has no effect"),
    .bool("verbose", \.verbose, "Say what is done and why it fails"),
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    if options.verbose { io.print("Checking agent health...") }
    let status: Grpc_Health_V1_HealthCheckResponse.ServingStatus
    do {
      status = try await agent.call { try await Grpc_Health_V1_Health.Client(wrapping: $0).check(.init()).status }
    } catch {
      if options.verbose { io.printError("Failed to check health: \(error)") }
      throw CommandFailure.plain("Agent is unhealthy: unable to determine health")
    }
    guard status == .serving else {
      throw CommandFailure.plain("Agent is unhealthy: agent returned status \"\(status.protoName)\"")
    }
    io.print("Agent is healthy.")
  }
}
