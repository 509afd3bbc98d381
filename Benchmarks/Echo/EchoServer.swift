import Daemon
import GRPCCore
import Glibc
import RPC
import ServiceLifecycle

/// The floor of every figure that goes through gRPC: the daemons' own endpoint with a method that returns what it got.
///
/// `bench-echo PATH` listens on the Unix socket PATH until it is killed. No policy, no log, no parsing of messages: what
/// a call costs here is what the transport costs.
@main struct EchoServer {
  static func main() async throws {
    guard CommandLine.arguments.count == 2 else {
      print("usage: bench-echo PATH")
      exit(2)
    }
    let socket = try ListeningSocket.unix(path: CommandLine.arguments[1], mode: 0o600, directoryMode: 0o700)
    try await GRPCEndpoint(socket: socket, services: [EchoService()], time: SystemTime()).run()
  }
}
