import Agent
import Console
import Daemon
import Flags

/// `docs methods`: the agent's method table, for `Scripts/docs`.
struct DocsMethods: Command {
  let name = "docs methods"
  let synopsis = "Prints the agent's method table"
  let isHidden = true

  func run(_ options: NoOptions, io: CommandIO) async throws {
    io.out(
      MethodRows.text(
        WorkloadAPIService.policies + SecretDiscoveryService.policies + AdminServices.policies + BrokerService.policies)
    )
  }
}
