import FoundationEssentials
import Glibc
import SPIFFE

/// The server and the agent of one run: starts them in order, watches them, and stops them in reverse.
@MainActor
final class DevPrograms {
  private let layout: DevLayout
  private let trustDomain: TrustDomain
  private var server: ChildProcess?
  private var agent: ChildProcess?

  private static let startDeadline = Duration.seconds(15)

  init(layout: DevLayout, trustDomain: TrustDomain) {
    self.layout = layout
    self.trustDomain = trustDomain
  }

  func startServer() async throws {
    let configuration = DevConfiguration(layout: layout, trustDomain: trustDomain.name, port: try Self.freePort())
    try layout.write(configuration.server, to: layout.serverConfiguration)
    try layout.write(configuration.agent, to: layout.agentConfiguration)
    for log in [layout.serverLog, layout.agentLog] { try layout.write("", to: log) }
    let server = try ChildProcess(
      name: "spire-server", executable: Self.beside("spire-server"),
      arguments: ["run", "-config", layout.serverConfiguration], log: layout.serverLog)
    self.server = server
    try await waitForSocket(layout.serverSocket, of: server)
  }

  func startAgent() async throws {
    let agent = try ChildProcess(
      name: "spire-agent", executable: Self.beside("spire-agent"),
      arguments: ["run", "-config", layout.agentConfiguration, "-joinTokenFile", layout.tokenFile],
      log: layout.agentLog)
    self.agent = agent
    try await waitForSocket(layout.agentSocket, of: agent)
  }

  /// Returns only by throwing: when a program ended, or when the task is cancelled.
  func watch() async throws {
    while true {
      try await Task.sleep(for: .milliseconds(200))
      for program in [server, agent] {
        if let program, !program.isRunning() { throw Self.ended(program) }
      }
    }
  }

  /// Asks both to stop, the agent first, and makes sure of it. Blocks: there is nothing else left to do.
  func stop(deadline: Duration) {
    let clock = ContinuousClock()
    for program in [agent, server] {
      guard let program else { continue }
      program.terminate()
      let end = clock.now.advanced(by: deadline)
      while program.isRunning() && clock.now < end { usleep(2000) }
      program.forceQuit()
    }
  }

  private func waitForSocket(_ path: String, of program: ChildProcess) async throws {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: Self.startDeadline)
    while !Self.answers(path) {
      guard program.isRunning() else { throw Self.ended(program) }
      guard clock.now < end else {
        throw DevError("\(program.name) did not open \(path) in time", hint: "its log: \(program.log)")
      }
      try await Task.sleep(for: .milliseconds(3))
    }
  }

  private static func ended(_ program: ChildProcess) -> DevError {
    DevError("\(program.name) ended; its log \(program.log) closes with:", hint: program.logTail())
  }

  /// The path of a program beside this one.
  private static func beside(_ name: String) -> String { directory + "/" + name }

  /// The folder that this program lies in.
  nonisolated static var directory: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes {
      guard let base = $0.baseAddress else { return 0 }
      return readlink("/proc/self/exe", base.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count > 0 else { return "." }
    let own = String(decoding: buffer[..<count], as: UTF8.self)
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  }

  /// Whether somebody accepts connections on the Unix socket.
  private static func answers(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  /// A port of the loopback address that is free now.
  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard descriptor >= 0, bound else {
      throw DevError("no free port on 127.0.0.1: \(String(cString: strerror(errno)))", hint: "")
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
