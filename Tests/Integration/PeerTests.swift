import Foundation
import Testing

/// The gRPC endpoints of both daemons before clients that were not written here, and before clients that want to do harm
/// (Clients/peers, one program per test).
@Suite("Peers", .serialized)
struct PeerTests {
  @discardableResult
  private func run(_ program: String, _ arguments: [String] = []) async throws -> Deployment {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment()
    try await deployment.startEverything()
    let result = try await deployment.python("peers/" + program, arguments)
    // What was measured is worth reading when all is well, too.
    for line in result.stdout.split(separator: "\n") where !line.hasPrefix("ok ") { print(line) }
    return deployment
  }

  @Test("RFC 9113 and gRPC over HTTP/2, case by case", .timeLimit(.minutes(8)))
  func conformance() async throws { try await run("conformance.py") }

  @Test("attacks leave the process, other connections, memory and descriptors alone", .timeLimit(.minutes(10)))
  func attacks() async throws { try await run("attacks.py") }

  @Test("grpcio, h2, h2load, nghttp and openssl; 10,000 pings and cancelled calls", .timeLimit(.minutes(10)))
  func clients() async throws { try await run("clients.py") }

  @Test("idle Workload API streams cost at most 20 kB each", .timeLimit(.minutes(8)))
  func idleStreams() async throws {
    #if DEBUG
      let bytes = "24000"  // without optimisation a little more
    #else
      let bytes = "20000"
    #endif
    try await run("idle_streams.py", [ProcessInfo.processInfo.environment["SPIRE_IDLE_STREAMS"] ?? "1000", bytes])
  }

  @Test("a stop lets calls finish", .timeLimit(.minutes(4)))
  func shutdown() async throws {
    let deployment = try await run("shutdown.py")
    for process in [deployment.server, deployment.agent] {
      #expect(await process?.waitUntilExit() == 0, "\(process?.log.suffix(3000) ?? "")")
    }
  }

  /// Some seconds here; `make soak` for half an hour.
  @Test("nothing grows over time", .timeLimit(.minutes(120)))
  func soak() async throws {
    try await run("soak.py", [ProcessInfo.processInfo.environment["SPIRE_SOAK_SECONDS"] ?? "8"])
  }
}
