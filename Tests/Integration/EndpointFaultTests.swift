import Foundation
import Testing

/// Places that are taken, and what no client should send.
@Suite("Endpoint faults", .serialized)
struct EndpointFaultTests {
  @Test("a second server on the same port, or a file in the socket's place, is told so", .timeLimit(.minutes(3)))
  func takenPlaces() async throws {
    let deployment = try Deployment()
    try await deployment.startServer()
    let other = try Deployment()
    func start(_ more: [String]) async throws -> Shell.Result {
      try other.writeServerConfiguration()
      return try await Shell.run(
        "/usr/bin/env",
        ["timeout", "20", Programs.server, "run", "-config", other.directory + "/server.conf"] + more)
    }
    let port = try await start(["-serverPort", "\(deployment.port)"])
    #expect(port.status == 1)
    #expect(
      port.stdout.contains("listen tcp 127.0.0.1:\(deployment.port): bind: address already in use")
        && port.stdout.contains("change bind_port"), "\(port.everything)")
    try Data("keep".utf8).write(to: URL(fileURLWithPath: other.serverSocket))
    let file = try await start([])
    #expect(file.status == 1)
    #expect(file.stdout.contains("\(other.serverSocket) exists and is not a socket"), "\(file.everything)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: other.serverSocket)) == Data("keep".utf8))
    let long = try await start(["-socketPath", "/tmp/" + String(repeating: "x", count: 120)])
    #expect(long.status == 1 && long.stdout.contains("longer than 107 bytes"), "\(long.everything)")
    _ = try await deployment.serverCommand(["healthcheck"])

    // A missing folder is made.
    let made = other.directory + "/made/of/folders"
    try FileManager.default.removeItem(atPath: other.serverSocket)
    other.serverOptions = ""
    try other.writeServerConfiguration()
    let server = try DaemonProcess(
      name: "server", executable: Programs.server,
      arguments: ["run", "-config", other.directory + "/server.conf", "-socketPath", made + "/api.sock"],
      logPath: other.directory + "/made.log")
    defer { server.signal(SIGKILL) }
    try await eventually("it serves", log: { server.log }) {
      try await Shell.run(Programs.server, ["healthcheck", "-socketPath", made + "/api.sock"]).status == 0
    }
    let mode = try FileManager.default.attributesOfItem(atPath: made)[.posixPermissions] as? Int
    #expect(mode.map { $0 & 0o777 } == 0o750)
  }

  @Test("malformed and oversized requests are refused, and everybody else is served", .timeLimit(.minutes(4)))
  func badRequests() async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment()
    try await deployment.startEverything()
    try await eventually("first identity") {
      try await deployment.agentCommand(["api", "fetch", "x509"]).status == 0
    }
    try await deployment.python("health.py")
    try await deployment.python("bad_requests.py", ["\(deployment.port)"])
    #expect(deployment.server?.isRunning == true && deployment.agent?.isRunning == true)
  }
}
