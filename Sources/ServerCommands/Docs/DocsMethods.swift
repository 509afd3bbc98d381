import Console
import Daemon
import Flags
import Server

/// `docs methods`: the server's method table, for `Scripts/docs`.
struct DocsMethods: Command {
  let name = "docs methods"
  let synopsis = "Prints the server's method table"
  let isHidden = true

  func run(_ options: NoOptions, io: CommandIO) async throws {
    io.out(MethodRows.text(ServerServices.policies(RateLimits(time: SystemTime()))))
  }
}
